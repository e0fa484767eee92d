"""Numbers, quantities, dates and ordinals must be the same."""

from __future__ import annotations

from collections import Counter

from cache.alignment import Pair


def conflict(pair: Pair) -> str | None:
    """Another number, unit or rank; quantities are compared in base units, so 1 kg is 1,000 g."""
    asked, stored = Counter(pair.asked.numbers), Counter(pair.stored.numbers)
    if asked == stored:
        return None
    only_asked, only_stored = (asked - stored).elements(), (stored - asked).elements()
    return f"numbers differ: {' '.join(only_asked) or 'none'} / {' '.join(only_stored) or 'none'}"
