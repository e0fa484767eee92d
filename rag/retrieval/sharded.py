"""The dense index as the pipeline sees it: all shards at once; a shard that fails costs its part, not the answer."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from rag.errors import DependencyFailed, DependencyTimeout, SteadyragError
from rag.ports import PassageIndex, Point, Vector
from rag.types import Filters, Hit, Space

#: Of each shard its hits, or what it failed of.
_Results = Sequence[list[Hit] | SteadyragError]


@dataclass(frozen=True, slots=True)
class ShardedHits:
    """What the shards found together, best first, and how many of them answered."""

    hits: list[Hit]
    answered: int
    shards: int


class ShardedIndex:
    """N shards; a document's passages lie together on the shard that the hash of its id names.

    Args:
        shards: what each shard is asked through.
        whole: asks all shards in one request, where there is such a thing; it fails when one of them does, and then
            the shards are asked one by one, so that only the bad one is missing. When it hangs they are not, since
            nobody waits for two time limits in a row: its breaker opens soon, and from then on they are.
    """

    def __init__(self, shards: Sequence[PassageIndex], whole: PassageIndex | None = None) -> None:
        self._shards = shards
        self._whole = whole

    async def search(
        self,
        space: Space,
        vector: Vector,
        limit: int,
        filters: Filters,
        *,
        within: Sequence[str] | None = None,
        timeout_s: float,
    ) -> ShardedHits:
        """The `limit` nearest passages over all shards that answer; only among `within` where it is given.

        Raises:
            DependencyFailed: no shard answered.
            DependencyTimeout: the whole did not answer in time.
        """
        if self._whole is not None:
            start_s = asyncio.get_running_loop().time()
            try:
                hits = await self._whole.search(space, vector, limit, filters, within=within, timeout_s=timeout_s)
                return ShardedHits(hits, len(self._shards), len(self._shards))
            except DependencyTimeout:
                raise
            except DependencyFailed:
                timeout_s -= asyncio.get_running_loop().time() - start_s
        end_s = asyncio.get_running_loop().time() + timeout_s
        share = _share(limit, len(self._shards))
        results = await self._ask(
            self._shards, lambda s: s.search(space, vector, share, filters, within=within, timeout_s=timeout_s)
        )
        best = _best(results, limit)
        if cut_off := _cut_off(results, best, share, limit):
            left_s = end_s - asyncio.get_running_loop().time()
            shards = [self._shards[number] for number in cut_off]
            whole = await self._ask(
                shards, lambda s: s.search(space, vector, limit, filters, within=within, timeout_s=left_s)
            )
            for number, result in zip(cut_off, whole, strict=True):
                results[number] = result
            best = _best(results, limit)
        answered = len(_answered(results))
        if not answered:
            raise DependencyFailed("no shard of the dense index answered") from results[0]  # type: ignore[misc]
        return ShardedHits(best, answered, len(self._shards))

    @staticmethod
    async def _ask(
        shards: Sequence[PassageIndex], search: Callable[[PassageIndex], Awaitable[list[Hit]]]
    ) -> list[list[Hit] | SteadyragError]:
        """Each shard's hits, or what it failed of."""
        results = await asyncio.gather(*(search(shard) for shard in shards), return_exceptions=True)
        for error in results:
            if isinstance(error, BaseException) and not isinstance(error, SteadyragError):
                raise error
        return results  # type: ignore[return-value]  # every exception left is one of ours

    async def upsert(self, points: Sequence[Point], *, timeout_s: float) -> None:
        """Store the points, each on its document's shard; all shards in parallel."""
        parts: list[list[Point]] = [[] for _ in self._shards]
        for point in points:
            parts[shard_of(point.space, point.document_id, len(parts))].append(point)
        await _all(s.upsert(part, timeout_s=timeout_s) for s, part in zip(self._shards, parts, strict=True) if part)

    async def delete(self, passage_ids: Sequence[str], *, timeout_s: float) -> None:
        """Remove the points, wherever they lie."""
        await _all(shard.delete(passage_ids, timeout_s=timeout_s) for shard in self._shards)


def _share(limit: int, shards: int) -> int:
    """How many of the `limit` best one shard holds at most, but for rare draws: documents are spread by hash.

    The mean and three standard deviations of a Poisson draw: one search in some two hundred finds a shard cut off and
    asks it again. A hit costs its way through Python, found or not.
    """
    mean = limit / shards
    return min(limit, math.ceil(mean + 3 * math.sqrt(mean)))


def _cut_off(results: _Results, best: list[Hit], share: int, limit: int) -> list[int]:
    """The shards that gave their whole share and may hold more of the best: the last one given is among them."""
    if share >= limit:
        return []
    least = best[-1].score if len(best) == limit else -math.inf
    return [
        number
        for number, hits in enumerate(results)
        if not isinstance(hits, SteadyragError) and len(hits) == share and hits[-1].score >= least
    ]


def _best(results: _Results, limit: int) -> list[Hit]:
    return sorted(chain.from_iterable(_answered(results)), key=lambda hit: (-hit[1], hit[0]))[:limit]


def _answered(results: _Results) -> list[list[Hit]]:
    return [hits for hits in results if not isinstance(hits, SteadyragError)]


async def _all(writes: Iterable[Awaitable[None]]) -> None:
    """Await every write, then raise the first error: none is left running behind a caller who was told of a failure."""
    for result in await asyncio.gather(*writes, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def shard_of(space: Space, document_id: str, shards: int) -> int:
    """The shard that holds the document: stable across processes and machines."""
    digest = hashlib.blake2b(f"{space}\0{document_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards
