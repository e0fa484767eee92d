"""The exact tier: the same question in the same scope, over the same evidence."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cache.normalise import normalise
from cache.types import Lookup, Question, Verdict

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    value: V
    version: int
    stored_at: float
    size: int


class ExactCache(Generic[V]):
    """Answers in memory, the least recently used go first; bounded in entries and bytes.

    Args:
        now: the current time in seconds.
        max_entries: bound on answers.
        max_bytes: bound on the sum of the sizes that `put` was told.
        ttl_s: age past which an answer is not served.
    """

    def __init__(
        self, now: Callable[[], float], *, max_entries: int = 50_000, max_bytes: int = 256 << 20, ttl_s: float = 86_400
    ) -> None:
        self._now = now
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._ttl_s = ttl_s
        self._bytes = 0
        self._entries: OrderedDict[tuple[Hashable, str], _Entry[V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def stored_bytes(self) -> int:
        """Sum of the sizes of the stored answers."""
        return self._bytes

    def lookup(self, question: Question, *, max_age_s: float | None = None) -> Lookup[V]:
        """Decide whether a stored answer may be served for the question."""
        key = (question.scope, normalise(question.text))
        entry = self._entries.get(key)
        if entry is None:
            return Lookup(Verdict.MISS, "not stored")
        age = self._now() - entry.stored_at
        if entry.version != question.version:
            self._drop(key)
            return Lookup(Verdict.MISS, "the documents changed since")
        if age > self._ttl_s:
            self._drop(key)
            return Lookup(Verdict.MISS, "expired")
        if max_age_s is not None and age > max_age_s:
            return Lookup(Verdict.MISS, "older than asked for")
        self._entries.move_to_end(key)
        return Lookup(Verdict.EXACT, "same question, same scope", entry.value, 1.0, age)

    def put(self, question: Question, value: V, size: int) -> None:
        """Store an answer of `size` bytes; one that is larger than the whole bound is not kept."""
        if size > self._max_bytes:
            return
        key = (question.scope, normalise(question.text))
        self._drop(key)
        self._entries[key] = _Entry(value, question.version, self._now(), size)
        self._bytes += size
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: tuple[Hashable, str]) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size
