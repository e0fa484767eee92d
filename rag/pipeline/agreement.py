"""How much two answers say the same: a grade that needs no grader."""

from __future__ import annotations

import re
from collections import Counter

_MARKER = re.compile(r"\[\d{1,3}\]")
_WORD = re.compile(r"\w+")


def agreement(one: str, other: str) -> float:
    """F1 of the words that two texts share, 0 to 1 (Rajpurkar et al. 2016), citations aside; 1.0 for two empty ones."""
    mine, yours = _words(one), _words(other)
    total = mine.total() + yours.total()
    return 2 * (mine & yours).total() / total if total else 1.0


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(_MARKER.sub(" ", text).casefold()))
