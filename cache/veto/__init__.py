"""Reasons not to serve one question's answer for another; each a pure function over a pair of parsed questions."""

from __future__ import annotations

from collections.abc import Callable

from cache.alignment import Pair
from cache.veto import (
    context,
    direction,
    kind,
    modality,
    names,
    negation,
    numbers,
    person,
    polarity,
    quantity,
    tense,
    words,
)

#: Gives the reason not to serve, or None.
Veto = Callable[[Pair], str | None]

#: In the order in which their reasons are told.
VETOES: dict[str, Veto] = {
    "number": numbers.conflict,
    "negation": negation.conflict,
    "polarity": polarity.conflict,
    "name": names.conflict,
    "direction": direction.conflict,
    "tense": tense.conflict,
    "words": words.conflict,
    "quantity": quantity.conflict,
    "kind": kind.conflict,
    "modality": modality.conflict,
    "person": person.conflict,
    "context": context.conflict,
}
#: What two long texts that tell the same in other words may differ in: these vetoes see slots, not stories.
OF_SHORT_QUESTIONS = frozenset(("direction", "words", "quantity", "kind", "modality", "person", "context"))


def conflicts(pair: Pair) -> dict[str, str]:
    """Every veto that speaks, with its reason."""
    return {name: reason for name, veto in VETOES.items() if (reason := veto(pair)) is not None}


def decisive(pair: Pair, overruled: frozenset[str] = frozenset()) -> str | None:
    """The reason of the first veto that decides against serving, or None.

    Args:
        pair: the questions.
        overruled: vetoes that do not decide, because a scorer weighs them.
    """
    spared = overruled | OF_SHORT_QUESTIONS if pair.retold else overruled
    reasons = (veto(pair) for name, veto in VETOES.items() if name not in spared)
    return next((reason for reason in reasons if reason is not None), None)
