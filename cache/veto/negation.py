"""A question and its negation."""

from __future__ import annotations

from cache.alignment import Pair
from cache.question import Parsed


def conflict(pair: Pair) -> str | None:
    """One of the questions is negated an odd number of times more: not, without, never, no longer."""
    if negations(pair.asked) % 2 == negations(pair.stored) % 2:
        return None
    return "only one of the questions is negated"


def negations(question: Parsed) -> int:
    """How many words of the question negate; "why not" and "or not" ask without negating."""
    return len(question.words("negation"))
