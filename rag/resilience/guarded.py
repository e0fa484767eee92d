"""Ports behind their guards: wrappers of the same type, put around every adapter by the composition root.

Reads are guarded. Writes go through as they are: the ingestion worker waits for them as long as they take and tries
them again, and a slow write must not close the way for readers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from rag.ports import Embedder, EmbedderInfo, LexicalIndex, PassageIndex, PassageStore, Vector, Vectors
from rag.resilience.guard import Guard
from rag.types import Filters, Hit, Passage, Space
from router.ports import ChatBackend
from router.types import Chunk, Prompt


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
        limit_s = min(timeout_s, self._cap_s)
        return await self._guard.read(lambda: self._inner.embed(texts, timeout_s=limit_s), timeout_s=limit_s)


class GuardedPassageIndex:
    """A shard that costs a request at most `cap_s`, and nothing while it fails."""

    def __init__(self, inner: PassageIndex, guard: Guard, cap_s: float) -> None:
        self._inner = inner
        self._guard = guard
        self._cap_s = cap_s
        self.upsert = inner.upsert
        self.delete = inner.delete

    async def search(
        self, space: Space, vector: Vector, limit: int, filters: Filters, *, timeout_s: float
    ) -> list[Hit]:
        """See `rag.ports.PassageIndex`."""
        limit_s = min(timeout_s, self._cap_s)
        return await self._guard.read(
            lambda: self._inner.search(space, vector, limit, filters, timeout_s=limit_s), timeout_s=limit_s
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
        limit_s = min(timeout_s, self._cap_s)
        return await self._guard.read(
            lambda: self._inner.search(space, text, limit, filters, timeout_s=limit_s), timeout_s=limit_s
        )


class GuardedPassageStore:
    """A store whose look-ups are bounded; without it there is nothing to quote, so an open breaker means 503."""

    def __init__(self, inner: PassageStore, guard: Guard) -> None:
        self._inner = inner
        self._guard = guard
        self.documents = inner.documents
        self.document = inner.document

    async def passages(self, space: Space, ids: Sequence[str], *, timeout_s: float) -> dict[str, Passage]:
        """See `rag.ports.PassageStore`."""
        return await self._guard.call(
            lambda: self._inner.passages(space, ids, timeout_s=timeout_s), timeout_s=timeout_s
        )


class GuardedBackend:
    """A model whose time to the first token is watched; a long healthy answer is no fault."""

    def __init__(self, inner: ChatBackend, guard: Guard, first_token_s: float) -> None:
        self._inner = inner
        self._guard = guard
        self._first_token_s = first_token_s
        self.aclose = inner.aclose

    @property
    def name(self) -> str:
        """See `router.ports.ChatBackend`."""
        return self._inner.name

    def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        """See `router.ports.ChatBackend`."""
        return self._guard.stream(
            lambda: self._inner.stream(prompt, timeout_s=timeout_s),
            timeout_s=timeout_s,
            first_item_s=self._first_token_s,
        )
