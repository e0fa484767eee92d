"""Which answers stay: S3-FIFO (Yang et al., "FIFO Queues are All You Need for Cache Eviction", SOSP 2023)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

#: Share of the bounds that answers have which were not asked for again; most are never, and leave early.
SMALL_SHARE = 0.1
#: Hits that are counted, and hits that take an answer out of the small queue.
MOST_HITS, PROVEN = 3, 2


@dataclass(slots=True)
class _Item:
    size: int
    hits: int = 0


class _Queue(Generic[K]):
    """First in, first out, with the sum of the sizes."""

    def __init__(self) -> None:
        self.items: OrderedDict[K, _Item] = OrderedDict()
        self.bytes = 0

    def push(self, key: K, item: _Item) -> None:
        self.items[key] = item
        self.bytes += item.size

    def take(self, key: K) -> _Item:
        item = self.items.pop(key)
        self.bytes -= item.size
        return item

    def oldest(self) -> tuple[K, _Item]:
        key = next(iter(self.items))
        return key, self.take(key)


class S3Fifo(Generic[K]):
    """Keeps keys within a bound on their number and one on the sum of their sizes; every step is O(1), amortised.

    Args:
        max_entries: bound on keys.
        max_bytes: bound on the sum of their sizes.
    """

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._small: _Queue[K] = _Queue()
        self._main: _Queue[K] = _Queue()
        #: hashes of keys that left the small queue; who comes back goes to the main one
        self._ghosts: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._small.items) + len(self._main.items)

    @property
    def bytes(self) -> int:
        """Sum of the sizes of the keys."""
        return self._small.bytes + self._main.bytes

    def add(self, key: K, size: int) -> list[K]:
        """Take in a key that is not there; gives the keys that had to go, itself if it is larger than the bound."""
        if size > self._max_bytes or not self._max_entries:
            return [key]
        evicted = []
        while len(self) >= self._max_entries or self.bytes + size > self._max_bytes:
            evicted += self._evict()
        ghost = hash(key)
        queue = self._main if ghost in self._ghosts else self._small
        self._ghosts.pop(ghost, None)
        queue.push(key, _Item(size))
        return evicted

    def hit(self, key: K) -> None:
        """The key was asked for."""
        item = self._queue_of(key).items[key]
        item.hits = min(item.hits + 1, MOST_HITS)

    def remove(self, key: K) -> None:
        """Drop the key."""
        self._queue_of(key).take(key)

    def _queue_of(self, key: K) -> _Queue[K]:
        return self._small if key in self._small.items else self._main

    def _evict(self) -> list[K]:
        """One step; what goes, if the step did not only move a key."""
        if self._small.items and (self._small_is_full() or not self._main.items):
            key, item = self._small.oldest()
            if item.hits >= PROVEN:
                self._main.push(key, _Item(item.size))
                return []
            self._remember(key)
            return [key]
        key, item = self._main.oldest()
        if item.hits:
            self._main.push(key, _Item(item.size, item.hits - 1))
            return []
        return [key]

    def _small_is_full(self) -> bool:
        entries, size = len(self._small.items), self._small.bytes
        return entries >= SMALL_SHARE * self._max_entries or size >= SMALL_SHARE * self._max_bytes

    def _remember(self, key: K) -> None:
        """As many ghosts as keys, as in the paper."""
        self._ghosts[hash(key)] = None
        if len(self._ghosts) > self._max_entries:
            self._ghosts.popitem(last=False)
