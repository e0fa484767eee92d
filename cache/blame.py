"""Which stored question's answer was served for which question, and which pairs of them are never served again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

#: Pairs that are remembered of each kind.
MOST_PAIRS = 10_000


class Blame(Generic[K]):
    """Remembers pairs (asked, stored); the oldest are forgotten."""

    def __init__(self, most: int = MOST_PAIRS) -> None:
        self._most = most
        self._served: OrderedDict[K, K] = OrderedDict()
        self._blocked: OrderedDict[tuple[K, K], None] = OrderedDict()

    def served(self, asked: K, stored: K) -> None:
        """The answer to `stored` was served for `asked`."""
        self._served[asked] = stored
        self._served.move_to_end(asked)
        if len(self._served) > self._most:
            self._served.popitem(last=False)

    def blame(self, asked: K) -> K | None:
        """What was served for `asked` was no good: blocks the pair; gives the question whose answer it was."""
        stored = self._served.pop(asked, None)
        if stored is not None:
            self._blocked[asked, stored] = None
            if len(self._blocked) > self._most:
                self._blocked.popitem(last=False)
        return stored

    def blocked(self, asked: K, stored: K) -> bool:
        """Whether the answer to `stored` must not be served for `asked`."""
        return (asked, stored) in self._blocked
