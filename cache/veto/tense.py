"""Then, now, or later."""

from __future__ import annotations

from cache.alignment import Pair
from cache.question import Parsed

_TENSES = ("auxiliary_past", "auxiliary_present", "auxiliary_future")


def conflict(pair: Pair) -> str | None:
    """Both questions say when by their auxiliary verb, and it is not the same time."""
    asked, stored = tense(pair.asked), tense(pair.stored)
    if not asked or not stored or asked == stored:
        return None
    return f"asks about the {asked.partition('_')[2]}, not the {stored.partition('_')[2]}"


def tense(question: Parsed) -> str:
    """The class of the auxiliary verbs of a question of one sentence; "" if there is none or several."""
    found = [name for name in _TENSES if question.words(name)]
    return found[0] if len(found) == 1 and question.sentences == 1 else ""
