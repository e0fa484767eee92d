"""Preparation of documents in this process: at full speed, for a command that does nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rag.errors import DependencyTimeout
from rag.ingestion.chunking import Chunker
from rag.ports import Embedder, Vectors
from rag.types import Document, Passage, Space


class LocalPreparer:
    """A `Preparer` on threads; the embedder is the one that questions use."""

    def __init__(self, chunker: Chunker, embedder: Embedder) -> None:
        self._chunker = chunker
        self._embedder = embedder

    async def cut(self, space: Space, documents: Sequence[Document], *, timeout_s: float) -> list[tuple[Passage, ...]]:
        """See `rag.ports.Preparer`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.to_thread(lambda: [self._chunker.split(space, each) for each in documents])
        except TimeoutError:
            raise DependencyTimeout(f"cutting documents took longer than {timeout_s:.2f} s") from None

    async def embed(self, texts: Sequence[str], *, timeout_s: float) -> Vectors:
        """See `rag.ports.Preparer`."""
        return await self._embedder.embed(texts, timeout_s=timeout_s)

    async def aclose(self) -> None:
        """See `rag.ports.Preparer`; the embedder is its owner's."""
