"""Questions that lean on something outside of them: "this song", "the code below"."""

from __future__ import annotations

import re

from cache.alignment import Pair

#: After "this" stands a time that the clock tells, or nothing but the question itself.
_POINTS = re.compile(
    r"\b(this|these|those)\b"
    r"(?! (year|month|week|morning|afternoon|evening|summer|winter|spring|autumn|fall|decade|century))"
    r"|\b(below|the following|as follows|attached|aforementioned|the above)\b"
)


def conflict(pair: Pair) -> str | None:
    """A question of one sentence points at what the cache cannot see, so equal words may mean different things."""
    for question in (pair.asked, pair.stored):
        if question.sentences == 1 and (found := _POINTS.search(question.text.casefold())):
            return f'"{found[0]}" points outside of the question'
    return None
