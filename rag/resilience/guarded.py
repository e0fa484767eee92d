"""Ports behind their guards: wrappers of the same type, put around every adapter by the composition root.

Reads are guarded. Writes go through as they are: the ingestion worker waits for them as long as they take and tries
them again, and a slow write must not close the way for readers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing

from rag.access.limits import Limit, LimitStore, Taken
from rag.ports import (
    DenseShard,
    Embedder,
    EmbedderInfo,
    LexicalIndex,
    PassageStore,
    Reranker,
    Vector,
    Vectors,
)
from rag.resilience.guard import Guard
from rag.types import Filters, Hit, Passage, Space
from router.ports import ChatBackend
from router.types import Chunk, Prompt

#: Of the time that a request has left, what a part may take that something else can stand in for.
DISPENSABLE_SHARE = 0.5


class GuardedEmbedder:
    """An `Embedder` that is refused, instead of waited for, while it fails."""

    def __init__(self, inner: Embedder, guard: Guard, cap_s: float) -> None:
        self._inner = inner
        self._guard = guard
        self._cap_s = cap_s
        self.count_tokens = inner.count_tokens

    @property
    def info(self) -> EmbedderInfo:
        """See `rag.ports.Embedder`."""
        return self._inner.info

    async def embed(self, texts: Sequence[str], *, timeout_s: float) -> Vectors:
        """See `rag.ports.Embedder`."""
        return await self._guard.read(
            lambda left_s: self._inner.embed(texts, timeout_s=left_s), timeout_s=_share(timeout_s, self._cap_s)
        )


class GuardedPassageIndex:
    """A shard that costs a request at most `cap_s`, and nothing while it fails."""

    def __init__(self, inner: DenseShard, guard: Guard, cap_s: float) -> None:
        self._inner = inner
        self._guard = guard
        self._cap_s = cap_s
        self.upsert = inner.upsert
        self.delete = inner.delete

    async def search(
        self,
        space: Space,
        vector: Vector,
        limit: int,
        filters: Filters,
        *,
        within: Sequence[str] | None = None,
        timeout_s: float,
    ) -> list[Hit]:
        """See `rag.ports.PassageIndex`."""
        return await self._guard.read(
            lambda left_s: self._inner.search(space, vector, limit, filters, within=within, timeout_s=left_s),
            timeout_s=_share(timeout_s, self._cap_s),
        )

    async def vectors(self, passage_ids: Sequence[str], *, timeout_s: float) -> dict[str, Vector]:
        """See `rag.ports.PassageVectors`."""
        return await self._guard.read(
            lambda left_s: self._inner.vectors(passage_ids, timeout_s=left_s),
            timeout_s=_share(timeout_s, self._cap_s),
        )


class GuardedReranker:
    """A reranker that costs a request at most `cap_s`, and nothing while it fails."""

    def __init__(self, inner: Reranker, guard: Guard, cap_s: float) -> None:
        self._inner = inner
        self._guard = guard
        self._cap_s = cap_s

    async def scores(self, question: str, texts: Sequence[str], *, timeout_s: float) -> list[float]:
        """See `rag.ports.Reranker`."""
        return await self._guard.read(
            lambda left_s: self._inner.scores(question, texts, timeout_s=left_s),
            timeout_s=_share(timeout_s, self._cap_s),
        )


class GuardedLexicalIndex:
    """A lexical index that costs a request at most `cap_s`, and nothing while it fails."""

    def __init__(self, inner: LexicalIndex, guard: Guard, cap_s: float) -> None:
        self._inner = inner
        self._guard = guard
        self._cap_s = cap_s
        self.apply = inner.apply

    @property
    def position(self) -> int:
        """See `rag.ports.LexicalIndex`."""
        return self._inner.position

    async def search(self, space: Space, text: str, limit: int, filters: Filters, *, timeout_s: float) -> list[Hit]:
        """See `rag.ports.LexicalIndex`."""
        return await self._guard.read(
            lambda left_s: self._inner.search(space, text, limit, filters, timeout_s=left_s),
            timeout_s=_share(timeout_s, self._cap_s),
        )


class GuardedPassageStore:
    """A store whose look-ups are bounded; without it there is nothing to quote, so an open breaker means 503."""

    def __init__(self, inner: PassageStore, guard: Guard, cap_s: float) -> None:
        self._inner = inner
        self._guard = guard
        self._cap_s = cap_s
        self.documents = inner.documents
        self.document = inner.document

    async def passages(self, space: Space, ids: Sequence[str], *, timeout_s: float) -> dict[str, Passage]:
        """See `rag.ports.PassageStore`."""
        return await self._guard.read(
            lambda left_s: self._inner.passages(space, ids, timeout_s=left_s),
            timeout_s=min(timeout_s, self._cap_s),
            dispensable=False,
        )


class GuardedLimitStore:
    """A store of limits that costs a request nothing while it fails; a request is taken once, whatever comes of it."""

    def __init__(self, inner: LimitStore, guard: Guard) -> None:
        self._inner = inner
        self._guard = guard
        self.tell = inner.tell

    async def take(self, limits: Sequence[Limit], *, timeout_s: float) -> Taken:
        """See `rag.access.limits.LimitStore`."""

        def make(left_s: float) -> Awaitable[Taken]:
            return self._inner.take(limits, timeout_s=left_s)

        if self._guard.breaker.state != "closed":
            self._guard.try_behind(make, timeout_s=timeout_s)
        return await self._guard.call(lambda: make(timeout_s), timeout_s=timeout_s)


class GuardedBackend:
    """A model whose time to the first token is watched; a long healthy answer is no fault.

    While it is known to fail nobody waits for it: others answer, and whether it is back is tried behind their backs, as
    far as the first token of what was asked.
    """

    def __init__(self, inner: ChatBackend, guard: Guard, first_token_s: float) -> None:
        self._inner = inner
        self._guard = guard
        self._first_token_s = first_token_s
        self.aclose = inner.aclose

    @property
    def name(self) -> str:
        """See `router.ports.ChatBackend`."""
        return self._inner.name

    async def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        """See `router.ports.ChatBackend`. What fails before the first chunk may be tried again, nothing after it."""
        first_s = _share(timeout_s, self._first_token_s)
        if self._guard.breaker.state != "closed":
            self._guard.try_behind(lambda left_s: self._first_chunk(prompt, left_s), timeout_s=first_s)

        async def begin(left_s: float) -> tuple[AsyncGenerator[Chunk, None], Chunk | None]:
            whole_s = timeout_s - (first_s - left_s)
            stream = self._guard.stream(
                lambda: self._inner.stream(prompt, timeout_s=whole_s), timeout_s=whole_s, first_item_s=left_s
            )
            return stream, await anext(stream, None)

        chunks, first = await self._guard.repeating(begin, timeout_s=first_s)
        async with aclosing(chunks):
            if first is not None:
                yield first
            async for chunk in chunks:
                yield chunk

    async def _first_chunk(self, prompt: Prompt, timeout_s: float) -> None:
        async with aclosing(self._inner.stream(prompt, timeout_s=timeout_s)) as chunks:
            await anext(chunks, None)


def _share(timeout_s: float, cap_s: float) -> float:
    """Seconds for a part that can be done without: at most `cap_s`, and no more than leaves time to go on without."""
    return min(cap_s, timeout_s * DISPENSABLE_SHARE)
