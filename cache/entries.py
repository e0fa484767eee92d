"""The stored answers: by question, by name, by the documents that they rest on; bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from cache.candidates import Area
from cache.changes import Document
from cache.eviction import S3Fifo
from cache.evidence import Support

V = TypeVar("V")
#: A scope, and a question in its normal form.
Key = tuple[Hashable, str]


@dataclass(slots=True, eq=False)
class Entry(Generic[V]):
    """A stored answer.

    Attributes:
        number: like no other's in this process.
        name: like no other's anywhere.
        value: the answer.
        version: the state of the evidence that it was found to agree with.
        stored_at: seconds since the epoch.
        area: where the semantic tier finds it; None: only the exact tier does.
        outdated: whether it is too old, or one of its documents has changed: it serves in an outage only.
    """

    key: Key
    number: int
    name: str
    value: V
    support: Support
    version: int
    stored_at: float
    area: Area | None
    outdated: bool = False


class Entries(Generic[V]):
    """At most so many answers, and so many bytes of them; what goes first is `cache.eviction`'s choice."""

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._kept: S3Fifo[Key] = S3Fifo(max_entries, max_bytes)
        self._by_key: dict[Key, Entry[V]] = {}
        self._by_number: dict[int, Entry[V]] = {}
        self._by_name: dict[str, Entry[V]] = {}
        self._by_document: dict[Document, set[Entry[V]]] = {}
        self.areas: Counter[Area] = Counter()

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Entry[V]]:
        return iter(list(self._by_key.values()))

    @property
    def bytes(self) -> int:
        """Sum of the sizes."""
        return self._kept.bytes

    def get(self, key: Key) -> Entry[V] | None:
        """The answer to the question."""
        return self._by_key.get(key)

    def numbered(self, number: int) -> Entry[V] | None:
        """The answer of that number."""
        return self._by_number.get(number)

    def named(self, name: str) -> Entry[V] | None:
        """The answer of that name."""
        return self._by_name.get(name)

    def resting_on(self, document: Document) -> list[Entry[V]]:
        """The answers that rest on the document."""
        return list(self._by_document.get(document, ()))

    def add(self, entry: Entry[V], size: int) -> list[Entry[V]]:
        """Take in an answer whose question has none; gives those that had to go for it, already removed."""
        evicted = self._kept.add(entry.key, size)
        self._by_key[entry.key] = self._by_number[entry.number] = self._by_name[entry.name] = entry
        for document in entry.support.documents:
            self._by_document.setdefault(document, set()).add(entry)
        if entry.area is not None:
            self.areas[entry.area] += 1
        gone = [self._by_key[key] for key in evicted]
        for each in gone:
            self._forget(each)
        return gone

    def hit(self, entry: Entry[V]) -> None:
        """The answer was served."""
        self._kept.hit(entry.key)

    def remove(self, entry: Entry[V]) -> None:
        """Drop an answer that is there."""
        self._kept.remove(entry.key)
        self._forget(entry)

    def hide(self, entry: Entry[V]) -> None:
        """Keep the answer for its own question only."""
        if entry.area is not None:
            self.areas[entry.area] -= 1
            if not self.areas[entry.area]:
                del self.areas[entry.area]
            entry.area = None

    def _forget(self, entry: Entry[V]) -> None:
        del self._by_key[entry.key], self._by_number[entry.number], self._by_name[entry.name]
        for document in entry.support.documents:
            resting = self._by_document[document]
            resting.discard(entry)
            if not resting:
                del self._by_document[document]
