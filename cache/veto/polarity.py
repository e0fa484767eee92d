"""Opposites: enable and disable, before and after, advantages and drawbacks, and members of one contrast."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from cache.alignment import Pair
from cache.lexicon import english
from cache.question import Parsed

#: Function words that take part in contrasts.
_CLASSES = ("preposition", "person3m", "person3f", "person1")


def conflict(pair: Pair) -> str | None:
    """A word that only one question has contradicts a word that only the other has."""
    asked = words(term.lemma for term in pair.left_asked) | _alone(pair.asked, pair.stored)
    stored = words(term.lemma for term in pair.left_stored) | _alone(pair.stored, pair.asked)
    opposite = english().opposite
    told = next(
        (f"{one} / {other}" for one, other in product(sorted(asked), sorted(stored)) if opposite(one, other)), None
    )
    return told and f"opposites: {told}"


def words(lemmas: Iterable[str]) -> set[str]:
    """The lemmas, and the name of the group of synonyms that a phrase stands for."""
    return {word for lemma in lemmas for word in (lemma, *english().names(lemma))}


def _alone(question: Parsed, other: Parsed) -> set[str]:
    """Function words that only this question has."""
    return {word for name in _CLASSES for word in set(question.words(name)) - set(other.words(name))}
