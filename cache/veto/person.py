"""Whose: mine or yours; who does it to whom."""

from __future__ import annotations

from cache.alignment import Pair

_PERSONS = (("person2", "you"), ("person3m", "him"), ("person3f", "her"))


def conflict(pair: Pair) -> str | None:
    """Only one of the questions is about the one who is asked, or about him or her.

    How something is done is the same for me and you, and a question about me may leave me out.
    """
    if "how" in pair.asked.kinds & pair.stored.kinds:
        return None
    for name, told in _PERSONS:
        if bool(pair.asked.words(name)) != bool(pair.stored.words(name)):
            return f'only one of the questions is about "{told}"'
    return None
