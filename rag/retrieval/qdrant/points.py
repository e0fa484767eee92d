"""The points of one Qdrant collection as a `PassageIndex`: all its shards at once, or the one of a shard key."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from qdrant_client import AsyncQdrantClient
from qdrant_client.models import (
    Condition,
    FieldCondition,
    Filter,
    HasIdCondition,
    MatchAny,
    MatchValue,
    PointIdsList,
    PointStruct,
    QuantizationSearchParams,
    SearchParams,
)

from rag.ports import Point, Vector
from rag.retrieval.payload import FIELDS, SPACE, payload, terms
from rag.retrieval.qdrant.errors import mapped
from rag.types import Filters, Hit, Space

#: Candidates held while the graph is searched, and int8 ones taken for each wanted, to be rescored exactly.
SEARCH = SearchParams(hnsw_ef=128, quantization=QuantizationSearchParams(rescore=True, oversampling=2.0))
#: Points in one request: what is sent is built on the event loop, which must not stand still for long.
BATCH = 64


class QdrantIndex:
    """A `PassageIndex` over a collection.

    Args:
        client: shared by all indexes of a service.
        collection: its name.
        shard_key: the shard that is meant; None = all of them, in one request that fails when one of them does.
    """

    def __init__(self, client: AsyncQdrantClient, collection: str, shard_key: str | None = None) -> None:
        self._client = client
        self._collection = collection
        self._shard_key = shard_key
        self._name = "the Qdrant collection" if shard_key is None else f"Qdrant shard {shard_key}"

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
        async with mapped(self._name, timeout_s):
            found = await self._client.query_points(
                self._collection,
                query=vector.tolist(),
                query_filter=Filter(must=list(conditions(space, filters, within))),
                limit=limit,
                search_params=SEARCH,
                with_payload=False,
                shard_key_selector=self._shard_key,
                timeout=whole(timeout_s),
            )
        return [Hit(str(point.id), point.score) for point in found.points]

    async def vectors(self, passage_ids: Sequence[str], *, timeout_s: float) -> dict[str, Vector]:
        """See `rag.ports.PassageVectors`."""
        async with mapped(self._name, timeout_s):
            found = await self._client.retrieve(
                self._collection,
                list(passage_ids),
                with_payload=False,
                with_vectors=True,
                shard_key_selector=self._shard_key,
                timeout=whole(timeout_s),
            )
        return {str(point.id): np.array(point.vector, np.float32) for point in found}

    async def upsert(self, points: Sequence[Point], *, timeout_s: float) -> None:
        """See `rag.ports.PassageIndex`."""
        async with mapped(self._name, timeout_s):
            for start in range(0, len(points), BATCH):
                batch = [
                    PointStruct(id=p.passage_id, vector=p.vector.tolist(), payload=payload(p))
                    for p in points[start : start + BATCH]
                ]
                await self._client.upsert(
                    self._collection, batch, wait=True, shard_key_selector=self._shard_key, timeout=whole(timeout_s)
                )

    async def delete(self, passage_ids: Sequence[str], *, timeout_s: float) -> None:
        """See `rag.ports.PassageIndex`."""
        if not passage_ids:
            return
        async with mapped(self._name, timeout_s):
            await self._client.delete(
                self._collection,
                PointIdsList(points=list(passage_ids)),
                wait=True,
                shard_key_selector=self._shard_key,
                timeout=whole(timeout_s),
            )


def conditions(space: Space, filters: Filters, within: Sequence[str] | None = None) -> Iterator[Condition]:
    """What a point must fulfil: it lies in the space, passes the filters, and is among `within`."""
    yield FieldCondition(key=SPACE, match=MatchValue(value=str(space)))
    for key, value in filters.items():
        yield FieldCondition(key=FIELDS, match=MatchAny(any=list(terms({key: value}))))
    if within is not None:
        yield HasIdCondition(has_id=list(within))


def whole(timeout_s: float) -> int:
    """The server's own limit, for it to give up what nobody waits for: whole seconds, and 0 would mean none."""
    return max(1, math.ceil(timeout_s))
