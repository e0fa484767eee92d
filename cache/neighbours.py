"""The nearest of a scope's questions: all compared where they are few, a graph where they are many."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
from usearch.index import Index

#: shape [dimension], unit length
Vector = npt.NDArray[np.float32]

#: Questions from which on a graph is quicker than comparing all.
GRAPH_FROM = 2_000


class Neighbours(Protocol):
    """Vectors under numbers."""

    def __len__(self) -> int: ...

    def add(self, number: int, vector: Vector) -> None:
        """Take in the vector under a number that is not there."""

    def remove(self, number: int) -> None:
        """Drop the number's vector."""

    def nearest(self, vector: Vector, limit: int) -> list[int]:
        """Up to `limit` numbers, greatest cosine first."""


class FewNeighbours:
    """One matrix; exact."""

    def __init__(self, dimension: int) -> None:
        self._rows = np.empty((16, dimension), np.float32)
        self._numbers: list[int] = []
        self._place: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, number: int, vector: Vector) -> None:
        """See `Neighbours`."""
        if len(self) == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._place[number] = len(self)
        self._rows[len(self)] = vector
        self._numbers.append(number)

    def remove(self, number: int) -> None:
        """See `Neighbours`; the last row takes the place that falls free."""
        place, last = self._place.pop(number), self._numbers.pop()
        if last != number:
            self._rows[place] = self._rows[len(self)]
            self._numbers[place] = last
            self._place[last] = place

    def nearest(self, vector: Vector, limit: int) -> list[int]:
        """See `Neighbours`."""
        cosines = self._rows[: len(self)] @ vector
        best = np.argsort(-cosines, kind="stable")[:limit]
        return [self._numbers[place] for place in best]

    def grown(self) -> ManyNeighbours:
        """The same vectors in a graph."""
        return ManyNeighbours(np.array(self._numbers, np.uint64), self._rows[: len(self)])


class ManyNeighbours:
    """HNSW (Malkov and Yashunin, TPAMI 2020) over int8 vectors: approximate. A removed vector's node is used again."""

    def __init__(self, numbers: npt.NDArray[np.uint64], vectors: npt.NDArray[np.float32]) -> None:
        self._index = Index(ndim=vectors.shape[1], metric="cos", dtype="i8")
        # on several threads the graph depends on their race, and now and then misses a vector
        self._index.add(numbers, vectors, copy=True, threads=1)

    def __len__(self) -> int:
        return len(self._index)

    def add(self, number: int, vector: Vector) -> None:
        """See `Neighbours`."""
        self._index.add(number, vector, copy=True)

    def remove(self, number: int) -> None:
        """See `Neighbours`."""
        self._index.remove(number)

    def nearest(self, vector: Vector, limit: int) -> list[int]:
        """See `Neighbours`."""
        return [int(number) for number in self._index.search(vector, limit).keys]
