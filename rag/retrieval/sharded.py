"""The dense index as the pipeline sees it: all shards at once; a shard that fails costs its part, not the answer."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass

from rag.errors import DependencyFailed, SteadyragError
from rag.ports import PassageIndex, Point, Vector
from rag.types import Filters, Hit, Space


@dataclass(frozen=True, slots=True)
class ShardedHits:
    """What the shards found together, best first, and how many of them answered."""

    hits: list[Hit]
    answered: int
    shards: int


class ShardedIndex:
    """N shards; a document's passages lie together on the shard that the hash of its id names."""

    def __init__(self, shards: Sequence[PassageIndex]) -> None:
        self._shards = shards

    async def search(
        self, space: Space, vector: Vector, limit: int, filters: Filters, *, timeout_s: float
    ) -> ShardedHits:
        """The `limit` nearest passages over all shards that answer.

        Raises:
            DependencyFailed: no shard answered.
        """
        calls = (shard.search(space, vector, limit, filters, timeout_s=timeout_s) for shard in self._shards)
        results = await asyncio.gather(*calls, return_exceptions=True)
        found = [hits for hits in results if not isinstance(hits, BaseException)]
        for error in results:
            if isinstance(error, BaseException) and not isinstance(error, SteadyragError):
                raise error
        if not found:
            raise DependencyFailed("no shard of the dense index answered") from results[0]  # type: ignore[misc]
        best = heapq.nsmallest(limit, (hit for hits in found for hit in hits), key=lambda h: (-h.score, h.passage_id))
        return ShardedHits(best, len(found), len(self._shards))

    async def upsert(self, points: Sequence[Point], *, timeout_s: float) -> None:
        """Store the points, each on its document's shard; all shards in parallel."""
        parts: list[list[Point]] = [[] for _ in self._shards]
        for point in points:
            parts[shard_of(point.space, point.document_id, len(parts))].append(point)
        await _all(s.upsert(part, timeout_s=timeout_s) for s, part in zip(self._shards, parts, strict=True) if part)

    async def delete(self, passage_ids: Sequence[str], *, timeout_s: float) -> None:
        """Remove the points, wherever they lie."""
        await _all(shard.delete(passage_ids, timeout_s=timeout_s) for shard in self._shards)


async def _all(writes: Iterable[Awaitable[None]]) -> None:
    """Await every write, then raise the first error: none is left running behind a caller who was told of a failure."""
    for result in await asyncio.gather(*writes, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def shard_of(space: Space, document_id: str, shards: int) -> int:
    """The shard that holds the document: stable across processes and machines."""
    digest = hashlib.blake2b(f"{space}\0{document_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards
