"""Stored questions by scope, and which of them ask the same as another one."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cache.neighbours import GRAPH_FROM, FewNeighbours, Neighbours, Vector
from cache.question import Parsed, parse
from cache.verify import Judgement

#: All that one comparison may see: a scope, and a language.
Area = tuple[Hashable, str]

#: Nearest questions that are looked at.
NEAREST = 4
#: Below this cosine two questions are about different things.
LEAST_SIMILARITY = 0.6


class Judge(Protocol):
    """Decides whether one question's answer may be served for another; `cache.verify.Verifier` does."""

    def judge(self, asked: Parsed, stored: Parsed, asked_vector: Vector, stored_vector: Vector) -> Judgement:
        """The decision about one candidate."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored question that is near: its number, its cosine, and the judge's decision."""

    number: int
    similarity: float
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class _Stored:
    parsed: Parsed
    vector: npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class _Questions:
    neighbours: Neighbours
    stored: dict[int, _Stored]


class Candidates:
    """Similarity is only ever computed inside one area. Not safe for several threads at once.

    Args:
        judge: decides about the nearest.
        graph_from: questions of one area from which on they are found by a graph.
    """

    def __init__(self, judge: Judge, *, graph_from: int = GRAPH_FROM) -> None:
        self._judge = judge
        self._graph_from = graph_from
        self._areas: dict[Area, _Questions] = {}

    def __len__(self) -> int:
        return sum(len(area.stored) for area in self._areas.values())

    def add(self, number: int, area: Area, question: str, vector: Vector) -> None:
        """Take in a question under a number that is not there."""
        known = self._areas.setdefault(area, _Questions(FewNeighbours(len(vector)), {}))
        known.stored[number] = _Stored(parse(question), vector.astype(np.float16))
        known.neighbours.add(number, vector)
        if isinstance(known.neighbours, FewNeighbours) and len(known.stored) >= self._graph_from:
            self._areas[area] = _Questions(known.neighbours.grown(), known.stored)

    def remove(self, number: int, area: Area) -> None:
        """Drop a question that is there."""
        known = self._areas[area]
        known.neighbours.remove(number)
        del known.stored[number]
        if not known.stored:
            del self._areas[area]

    def nearest(self, area: Area, question: str, vector: Vector) -> list[Candidate]:
        """The nearest stored questions of the area, judged; nearest first.

        Args:
            area: where to look.
            question: what is asked.
            vector: the question's, shape [dimension], unit length.
        """
        known = self._areas.get(area)
        if known is None:
            return []
        near = [(number, known.stored[number]) for number in known.neighbours.nearest(vector, NEAREST)]
        vectors = {number: stored.vector.astype(np.float32) for number, stored in near}
        cosines = {number: float(vectors[number] @ vector) for number in vectors}
        close = sorted((item for item in near if cosines[item[0]] >= LEAST_SIMILARITY), key=lambda i: -cosines[i[0]])
        if not close:
            return []
        asked = parse(question)
        return [
            Candidate(number, cosines[number], self._judge.judge(asked, stored.parsed, vector, vectors[number]))
            for number, stored in close
        ]
