"""Names: a product, place, person or acronym that only one of the questions has."""

from __future__ import annotations

from cache.alignment import Pair


def conflict(pair: Pair) -> str | None:
    """A word written as a name in one question has no counterpart in the other."""
    named = next((term for term in pair.left if term.name), None)
    return None if named is None else f"only one question names {named.lemma}"
