"""Whether something can, should or must be."""

from __future__ import annotations

from cache.alignment import Pair
from cache.question import Parsed

_MODALS = {"modal_ability": "can be", "modal_advice": "should be", "modal_need": "must be"}


def conflict(pair: Pair) -> str | None:
    """Possible, advisable and necessary are three questions; of how something is done they are one."""
    if "how" in pair.asked.kinds & pair.stored.kinds:
        return None
    asked, stored = modals(pair.asked), modals(pair.stored)
    return None if asked == stored else f"asks whether it {_told(asked)}, not whether it {_told(stored)}"


def modals(question: Parsed) -> frozenset[str]:
    """Classes of modal words in the question. What can be asks for what is, unless it asks whether."""
    found = {name for name in _MODALS if question.words(name)}
    return frozenset(found if "yes-no" in question.kinds else found - {"modal_ability"})


def _told(classes: frozenset[str]) -> str:
    return " and ".join(_MODALS[name] for name in sorted(classes)) or "is"
