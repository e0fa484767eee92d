"""Topic words: another word in a word's place, or one that narrows the question."""

from __future__ import annotations

from collections.abc import Iterable

from cache.alignment import Pair
from cache.question import Term


def conflict(pair: Pair) -> str | None:
    """Both questions have words of their own, or one has a word of its own that is not light."""
    if pair.left_asked and pair.left_stored:
        return f"other words: {_told(pair.left_asked)} / {_told(pair.left_stored)}"
    extra = [term for term in pair.left if not (term.light or term.wh_noun)]
    return f"only one question says {_told(extra)}" if extra else None


def _told(terms: Iterable[Term]) -> str:
    return " ".join(term.lemma for term in terms)
