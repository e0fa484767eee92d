"""Candidates for a question: the indexes asked as the plan says, fused, and the dense one asked again with feedback."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rag.errors import DependencyFailed, Overloaded
from rag.ports import LexicalIndex, Vector
from rag.resilience.ladder import DENSE, EMBEDDER, LEXICAL, SHARDS
from rag.retrieval.feedback import ShardedVectors, refine
from rag.retrieval.fusion import fuse, stands_out
from rag.retrieval.sharded import ShardedHits, ShardedIndex
from rag.types import Deadline, Filters, Hit, Space

#: `fused` asks both indexes at once; `tiered` lets the dense one judge what BM25 found; the others ask only one.
Plan = Literal["fused", "tiered", "bm25", "dense"]
#: Candidates taken from each index; more where more than all of them are wanted.
CANDIDATES = 100
#: Failures of one index that the other makes up for.
_FAILED = (DependencyFailed, Overloaded)


@dataclass(frozen=True, slots=True)
class Query:
    """What is sought, where, and until when.

    Attributes:
        vector: gives the question's vector; not called by a plan that does not need it.
        wanted: passages that are asked for.
    """

    space: Space
    text: str
    vector: Callable[[], Awaitable[Vector]]
    filters: Filters
    wanted: int
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates, best first, and the labels of what did not work."""

    hits: list[Hit]
    degraded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Missing:
    """An index that did not answer, with the label that says so; without one it was not asked."""

    label: str | None = None


class CandidateFinder:
    """Asks the indexes.

    Args:
        lexical: BM25.
        dense: all shards.
        vectors: the vectors of passages, for feedback.
        feedback: so many of the best passages move the question's vector towards theirs, unless the first one stands
            out; 0: no feedback.
        plan: which index is asked, and when.
    """

    def __init__(
        self, lexical: LexicalIndex, dense: ShardedIndex, vectors: ShardedVectors, *, feedback: int, plan: Plan
    ) -> None:
        self._lexical = lexical
        self._dense = dense
        self._vectors = vectors
        self._feedback = feedback
        self.plan = plan

    def planned(self, plan: Plan) -> CandidateFinder:
        """The same indexes, asked by another plan."""
        return CandidateFinder(self._lexical, self._dense, self._vectors, feedback=self._feedback, plan=plan)

    async def find(self, query: Query) -> Candidates:
        """The candidates that the indexes gave.

        Raises:
            DependencyFailed: no index answered.
            DeadlineExceeded: they did not answer in the caller's time.
        """
        query.deadline.remaining()  # without time nothing is begun
        lexical, dense = await self._ask(query)
        query.deadline.remaining()  # what came too late for this caller is not the indexes' failure
        if isinstance(lexical, _Missing) and isinstance(dense, _Missing):
            raise DependencyFailed("neither the lexical nor the dense index answered")
        hits = _fused(lexical, dense)
        # a shard that is slow costs its time once: what is degraded as it is goes without feedback
        if isinstance(lexical, _Missing) or isinstance(dense, _Missing) or not _whole(dense):
            return Candidates(hits, tuple(_labels(lexical, dense)))
        if self._feedback and not stands_out(hits):
            dense = await self._ask_again(query, hits, lexical, dense)
            query.deadline.remaining()
            hits = _fused(lexical, dense)
        return Candidates(hits, tuple(_labels(lexical, dense)))

    async def _ask(self, query: Query) -> tuple[list[Hit] | _Missing, ShardedHits | _Missing]:
        match self.plan:
            case "bm25":
                return await self._ask_lexical(query), _Missing()
            case "dense":
                return _Missing(), await self._ask_dense(query)
            case "tiered":
                lexical = await self._ask_lexical(query)
                return lexical, await self._ask_dense(query, self._within(lexical))
            case "fused":
                both = await asyncio.gather(self._ask_lexical(query), self._ask_dense(query), return_exceptions=True)
                for result in both:
                    if isinstance(result, BaseException):
                        raise result
                return both  # type: ignore[return-value]  # neither is an exception

    async def _ask_lexical(self, query: Query) -> list[Hit] | _Missing:
        timeout_s = query.deadline.remaining()
        try:
            return await self._lexical.search(
                query.space, query.text, self._limit(query), query.filters, timeout_s=timeout_s
            )
        except _FAILED:
            return _Missing(LEXICAL.label)

    async def _ask_dense(self, query: Query, within: Sequence[str] | None = None) -> ShardedHits | _Missing:
        try:
            vector = await query.vector()
        except _FAILED:
            return _Missing(EMBEDDER.label)
        try:
            return await self._search(query, vector, within)
        except _FAILED:
            return _Missing(DENSE.label)

    async def _ask_again(self, query: Query, best: list[Hit], lexical: list[Hit], dense: ShardedHits) -> ShardedHits:
        """The dense index asked with the question's vector moved towards the best passages of the first round."""
        ids = [hit.passage_id for hit in best[: self._feedback]]
        try:
            found = await self._vectors.vectors(ids, timeout_s=query.deadline.remaining())
            moved = refine(await query.vector(), [found.by_passage[each] for each in ids if each in found.by_passage])
            again = await self._search(query, moved, self._within(lexical))
            return replace(again, answered=min(again.answered, again.shards - found.failed))
        except _FAILED:  # what the first round found stands, and no shard counts as one that answered
            return replace(dense, answered=0)

    async def _search(self, query: Query, vector: Vector, within: Sequence[str] | None) -> ShardedHits:
        timeout_s = query.deadline.remaining()
        return await self._dense.search(
            query.space, vector, self._limit(query), query.filters, within=within, timeout_s=timeout_s
        )

    def _limit(self, query: Query) -> int:
        """Candidates of each index. Fusion weighs a list by its shape, so that the length is one for all requests."""
        lists = 2 if self.plan in {"fused", "tiered"} else 1
        return max(CANDIDATES, math.ceil(query.wanted / lists))

    def _within(self, lexical: list[Hit] | _Missing) -> list[str] | None:
        """What the dense search is confined to: under the tiered plan what BM25 found, if it found anything."""
        if self.plan != "tiered" or isinstance(lexical, _Missing) or not lexical:
            return None
        return [hit.passage_id for hit in lexical]


def _whole(dense: ShardedHits) -> bool:
    return dense.answered == dense.shards


def _fused(lexical: list[Hit] | _Missing, dense: ShardedHits | _Missing) -> list[Hit]:
    return fuse(
        [] if isinstance(lexical, _Missing) else lexical,
        [] if isinstance(dense, _Missing) else dense.hits,
    )


def _labels(lexical: list[Hit] | _Missing, dense: ShardedHits | _Missing) -> list[str]:
    """What has to be told."""
    labels = [part.label for part in (lexical, dense) if isinstance(part, _Missing) and part.label]
    if isinstance(dense, ShardedHits) and not _whole(dense):
        labels.append(SHARDS.label.format(dense.answered, dense.shards))
    return labels
