"""The hot-query cache: what was retrieved for a question, as long as nothing was written to its space."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson

from rag.types import Filters, Space

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HotKey:
    """All that a result depends on; made by `HotQueries.key`.

    Attributes:
        filters: as canonical JSON.
        position: the space's position in the document log: a write moves it, and older results are not found again.
    """

    space: Space
    question: str
    filters: bytes
    top_k: int
    plan: str
    position: int


class HotQueries(Generic[T]):
    """At most `max_entries` results; the one that was not asked for the longest goes first.

    Args:
        max_entries: bound of the results kept.
        settled_at: the space's position in the document log, or None while an index has not caught up with it: what
            is found then may lack what the position promises, and is neither stored nor looked for.

    Attributes:
        hits: how often a stored result was found.
        misses: how often none was.
    """

    def __init__(self, max_entries: int, settled_at: Callable[[Space], int | None]) -> None:
        self._max_entries = max_entries
        self._settled_at = settled_at
        self._results: OrderedDict[HotKey, T] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._results)

    def key(self, space: Space, question: str, filters: Filters, top_k: int, plan: str) -> HotKey | None:
        """The key at this moment, to be made before the search begins; None: nothing can be said of the result.

        White space around and between the question's words does not count.
        """
        position = self._settled_at(space)
        if position is None:
            return None
        canonical = orjson.dumps(dict(filters), option=orjson.OPT_SORT_KEYS)
        return HotKey(space, " ".join(question.split()), canonical, top_k, plan, position)

    def get(self, key: HotKey | None) -> T | None:
        """The stored result, or None."""
        result = None if key is None else self._results.get(key)
        if key is None or result is None:
            self.misses += 1
            return None
        self.hits += 1
        self._results.move_to_end(key)
        return result

    def put(self, key: HotKey | None, result: T) -> None:
        """Store the result; without a key it is not stored."""
        if key is None:
            return
        self._results[key] = result
        self._results.move_to_end(key)
        while len(self._results) > self._max_entries:
            self._results.popitem(last=False)
