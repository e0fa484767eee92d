"""Passages for a question: candidates of both indexes, looked up, without repetitions, reranked where that is set."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from rag.errors import DependencyFailed, Overloaded
from rag.ports import PassageStore, Reranker, Vector
from rag.resilience.ladder import RERANK
from rag.retrieval.candidates import CandidateFinder, Plan, Query
from rag.retrieval.diversity import diversify
from rag.retrieval.hot import HotQueries
from rag.types import Deadline, Filters, Hit, ScoredPassage, Space

#: Candidates looked up for each passage wanted: those that no longer exist fall away, repetitions go to the end.
OVERSAMPLE = 2


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages, best first, and the labels of what did not work."""

    passages: tuple[ScoredPassage, ...]
    degraded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reranking:
    """How the best candidates are judged once more.

    Attributes:
        reranker: who judges.
        candidates: how many are judged, and more where more passages are wanted.
        budget_s: what it may take, seconds; a request with less than twice that left goes without.
    """

    reranker: Reranker
    candidates: int
    budget_s: float


class Retriever:
    """The read path over the indexes and the store that says what exists."""

    def __init__(
        self,
        finder: CandidateFinder,
        store: PassageStore,
        *,
        reranking: Reranking | None = None,
        hot: HotQueries[Retrieved],
    ) -> None:
        self._finder = finder
        self._store = store
        self._reranking = reranking
        self.hot = hot

    def planned(self, plan: Plan) -> Retriever:
        """The same parts under another plan."""
        return Retriever(self._finder.planned(plan), self._store, reranking=self._reranking, hot=self.hot)

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
            DependencyFailed: no index answered, or the store did not.
            DeadlineExceeded: they did not answer in the caller's time.
        """
        query = Query(space, text, vector, filters, top_k, deadline)
        key = self.hot.key(space, text, filters, top_k, self._finder.plan)
        stored = self.hot.get(key)
        if stored is None:
            stored = await self._search(query)
            if not stored.degraded:
                self.hot.put(key, stored)
        return stored

    async def all_exist(self, space: Space, passage_ids: Collection[str], *, deadline: Deadline) -> bool:
        """Whether every one of the passages is in the space, and so unchanged: an id is derived from content.

        Raises:
            DependencyFailed: the store did not answer.
        """
        ids = list(passage_ids)
        return len(await self._store.passages(space, ids, timeout_s=deadline.remaining())) == len(ids)

    async def _search(self, query: Query) -> Retrieved:
        found = await self._finder.find(query)
        wanted = max(query.wanted, self._reranking.candidates if self._reranking else 0)
        passages = await self._existing(query, found.hits, wanted)
        if self._reranking is None:
            return Retrieved(tuple(passages[: query.wanted]), found.degraded)
        judged = await _judged(self._reranking, query, passages)
        if judged is None:
            return Retrieved(tuple(passages[: query.wanted]), (*found.degraded, RERANK.label))
        return Retrieved(tuple(judged[: query.wanted]), found.degraded)

    async def _existing(self, query: Query, hits: Sequence[Hit], wanted: int) -> list[ScoredPassage]:
        """The `wanted` best that exist, no text twice as long as there are others."""
        known: list[ScoredPassage] = []
        step = wanted * OVERSAMPLE
        for start in range(0, len(hits), step):
            part = hits[start : start + step]
            ids = [hit.passage_id for hit in part]
            existing = await self._store.passages(query.space, ids, timeout_s=query.deadline.remaining())
            known += [ScoredPassage(existing[hit.passage_id], hit.score) for hit in part if hit.passage_id in existing]
            if len(known) >= wanted:
                break
        return list(islice(diversify(known), wanted))


async def _judged(reranking: Reranking, query: Query, passages: Sequence[ScoredPassage]) -> list[ScoredPassage] | None:
    """The passages in the reranker's order with its scores; None: it was skipped."""
    if query.deadline.remaining() < 2 * reranking.budget_s:
        return None
    texts = [each.passage.contextual_text for each in passages]
    try:
        scores = await reranking.reranker.scores(query.text, texts, timeout_s=reranking.budget_s)
    except (DependencyFailed, Overloaded):
        return None
    judged = [replace(each, score=score) for each, score in zip(passages, scores, strict=True)]
    return sorted(judged, key=lambda each: -each.score)
