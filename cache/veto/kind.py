"""What is asked for: who, what, when, where, why, how, how many, or whether."""

from __future__ import annotations

from cache.alignment import Pair

#: Kinds that may ask the same in other words.
_COMPATIBLE = frozenset((frozenset(("what", "amount")),))


def conflict(pair: Pair) -> str | None:
    """The questions want answers of different kinds. A statement or a row of keywords is compatible with all."""
    asked, stored = pair.asked.kinds, pair.stored.kinds
    if not asked or not stored or asked & stored:
        return None
    if any(frozenset((a, b)) in _COMPATIBLE for a in asked for b in stored):
        return None
    return f"asks {'/'.join(sorted(asked))}, not {'/'.join(sorted(stored))}"
