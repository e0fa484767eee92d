"""Passages for a question: BM25 and dense search side by side, fused; either alone when the other fails, labelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from rag.errors import DependencyFailed, Overloaded
from rag.ports import LexicalIndex, PassageStore, Vector
from rag.resilience.ladder import DENSE, EMBEDDER, LEXICAL, SHARDS
from rag.retrieval.fusion import reciprocal_rank_fusion
from rag.retrieval.sharded import ShardedHits, ShardedIndex
from rag.types import Deadline, Filters, Hit, ScoredPassage, Space

#: Candidates taken from each index.
CANDIDATES = 50
#: Fused candidates looked up for one wanted: those that no longer exist fall away.
OVERSAMPLE = 3


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages, best first, and the labels of what did not work."""

    passages: tuple[ScoredPassage, ...]
    degraded: tuple[str, ...]


class Retriever:
    """The read path over one lexical index, one sharded dense index and the store that says what exists."""

    def __init__(self, lexical: LexicalIndex, index: ShardedIndex, store: PassageStore) -> None:
        self._lexical = lexical
        self._index = index
        self._store = store

    async def retrieve(
        self,
        space: Space,
        text: str,
        vector: Callable[[], Awaitable[Vector]],
        *,
        top_k: int,
        filters: Filters,
        deadline: Deadline,
    ) -> Retrieved:
        """The `top_k` best passages of the space.

        Raises:
            DependencyFailed: neither index answered.
            DeadlineExceeded: they did not answer in the caller's time.
        """
        found = await asyncio.gather(
            self._lexical.search(space, text, CANDIDATES, filters, timeout_s=deadline.remaining()),
            self._dense(space, vector, filters, deadline),
            return_exceptions=True,
        )
        deadline.remaining()  # what came too late for this caller is not the indexes' failure
        rankings, degraded = _usable(*found)
        fused = reciprocal_rank_fusion(rankings)[: max(top_k * OVERSAMPLE, CANDIDATES)]
        existing = await self._store.passages(space, [hit.passage_id for hit in fused], timeout_s=deadline.remaining())
        passages = (ScoredPassage(existing[h.passage_id], h.score) for h in fused if h.passage_id in existing)
        return Retrieved(tuple(passages)[:top_k], degraded)

    async def _dense(
        self, space: Space, vector: Callable[[], Awaitable[Vector]], filters: Filters, deadline: Deadline
    ) -> ShardedHits | _NoVector:
        try:
            query = await vector()
        except (DependencyFailed, Overloaded) as error:
            return _NoVector(error)
        return await self._index.search(space, query, CANDIDATES, filters, timeout_s=deadline.remaining())


@dataclass(frozen=True, slots=True)
class _NoVector:
    error: Exception


def _usable(
    lexical: list[Hit] | BaseException, dense: ShardedHits | _NoVector | BaseException
) -> tuple[Sequence[Sequence[Hit]], tuple[str, ...]]:
    """The rankings that came, and a label for each that did not come whole."""
    rankings: list[Sequence[Hit]] = []
    degraded: list[str] = []
    for error in (lexical, dense):
        if isinstance(error, BaseException) and not isinstance(error, DependencyFailed | Overloaded):
            raise error
    if isinstance(lexical, BaseException):
        degraded.append(LEXICAL.label)
    else:
        rankings.append(lexical)
    if isinstance(dense, ShardedHits):
        rankings.append(dense.hits)
        if dense.answered < dense.shards:
            degraded.append(SHARDS.label.format(dense.answered, dense.shards))
    else:
        degraded.append(EMBEDDER.label if isinstance(dense, _NoVector) else DENSE.label)
    if not rankings:
        raise DependencyFailed("neither the lexical nor the dense index answered")
    return rankings, tuple(degraded)
