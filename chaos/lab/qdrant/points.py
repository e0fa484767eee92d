"""The protocol's Points service over the lab's storage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import qdrant_edge as edge
from qdrant_client import grpc
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc

from chaos.lab.qdrant.filters import to_edge
from chaos.lab.qdrant.storage import Collection, Storage

T = TypeVar("T")
DEFAULT_LIMIT = 10


class Points(grpc.PointsServicer):
    """Upsert, delete, query by a vector, get, scroll, count, keyword indexes."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def Upsert(self, request: Any, _context: Any) -> Any:
        """Store points."""
        collection = self._storage.collection(request.collection_name)
        points = [_point(point, collection) for point in request.points]
        for shard, part in collection.place(points, _keys(request)):
            await asyncio.to_thread(shard.update, edge.UpdateOperation.upsert_points(part))
        return _completed()

    async def Delete(self, request: Any, _context: Any) -> Any:
        """Remove points by id or filter."""
        if request.points.HasField("points"):
            operation = edge.UpdateOperation.delete_points(_ids(request.points.points.ids))
        else:
            wanted = to_edge(GrpcToRest.convert_filter(request.points.filter))
            if wanted is None:
                raise ValueError("delete: neither points nor filter")
            operation = edge.UpdateOperation.delete_points_by_filter(wanted)
        await self._on_each(request, lambda shard: shard.update(operation))
        return _completed()

    async def Query(self, request: Any, _context: Any) -> Any:
        """The points nearest to a vector; of several shards, each counts the IDF for itself, as Qdrant's do."""
        vector = _asked(request.query.nearest, request.using, self._storage.collection(request.collection_name))
        limit, offset = request.limit or DEFAULT_LIMIT, request.offset
        query = edge.QueryRequest(
            limit=limit + offset,
            query=edge.Query.Nearest(vector, using=request.using or None),
            params=_params(request),
            filter=_filter(request),
            score_threshold=request.score_threshold if request.HasField("score_threshold") else None,
            with_payload=True,
        )
        found = await self._on_each(request, lambda shard: shard.query(query))
        best = sorted((point for part in found for point in part), key=lambda point: (-point.score, str(point.id)))
        with_payload = request.with_payload.enable
        return grpc.QueryResponse(
            result=[
                grpc.ScoredPoint(
                    id=RestToGrpc.convert_extended_point_id(_id(point)),
                    score=point.score,
                    payload=RestToGrpc.convert_payload(point.payload) if with_payload and point.payload else {},
                )
                for point in best[offset : offset + limit]
            ]
        )

    async def Get(self, request: Any, _context: Any) -> Any:
        """Points by id."""
        ids, with_vectors = _ids(request.ids), request.with_vectors.enable
        found = await self._on_each(request, lambda shard: shard.retrieve(ids, True, with_vectors))
        return grpc.GetResponse(result=[_record(record) for part in found for record in part])

    async def Scroll(self, request: Any, _context: Any) -> Any:
        """A page of points in the order of their ids."""
        limit = request.limit or DEFAULT_LIMIT
        offset = GrpcToRest.convert_point_id(request.offset) if request.HasField("offset") else None
        page = edge.ScrollRequest(offset=offset, limit=limit + 1, filter=_filter(request), with_payload=True)
        found = await self._on_each(request, lambda shard: shard.scroll(page)[0])
        records = sorted((record for part in found for record in part), key=lambda record: _order(record.id))
        following = RestToGrpc.convert_extended_point_id(_id(records[limit])) if len(records) > limit else None
        return grpc.ScrollResponse(result=[_record(record) for record in records[:limit]], next_page_offset=following)

    async def Count(self, request: Any, _context: Any) -> Any:
        """How many points there are."""
        wanted = edge.CountRequest(exact=True, filter=_filter(request))
        counts = await self._on_each(request, lambda shard: shard.count(wanted))
        return grpc.CountResponse(result=grpc.CountResult(count=sum(counts)))

    async def CreateFieldIndex(self, request: Any, _context: Any) -> Any:
        """A keyword index; other kinds are taken for one."""
        collection = self._storage.collection(request.collection_name)
        if request.field_name not in collection.description.indexes:
            operation = edge.UpdateOperation.create_field_index(request.field_name, edge.PayloadSchemaType.Keyword)
            await self._on_each(request, lambda shard: shard.update(operation))
            collection.description.indexes.append(request.field_name)
            self._storage.save()
        return _completed()

    async def _on_each(self, request: Any, work: Callable[[edge.EdgeShard], T]) -> list[T]:
        """Run `work` on every shard that the request means, off the event loop."""
        shards = self._storage.collection(request.collection_name).pick(_keys(request))
        return await asyncio.gather(*(asyncio.to_thread(work, shard) for shard in shards))


def _keys(request: Any) -> list[str]:
    selector = getattr(request, "shard_key_selector", None)
    return [key.keyword for key in selector.shard_keys] if selector else []


def _filter(request: Any) -> edge.Filter | None:
    return to_edge(GrpcToRest.convert_filter(request.filter)) if request.HasField("filter") else None


def _point(point: Any, collection: Collection) -> edge.Point:
    plain = GrpcToRest.convert_point_struct(point)
    vector: Any = plain.vector
    if isinstance(vector, dict):
        vector = {name: _known(_sparse(each), name, collection) for name, each in vector.items()}
    else:
        _check_size(vector, collection)
    return edge.Point(plain.id, vector, plain.payload)


def _asked(wanted: Any, name: str, collection: Collection) -> Any:
    """The vector to which the nearest are asked for."""
    if wanted.HasField("sparse"):
        return _known(_sparse(wanted.sparse), name, collection)
    vector = list(wanted.dense.data)
    _check_size(vector, collection)
    return vector


def _sparse(vector: Any) -> edge.SparseVector:
    return edge.SparseVector(list(vector.indices), list(vector.values))


def _known(vector: edge.SparseVector, name: str, collection: Collection) -> edge.SparseVector:
    if name not in collection.description.sparse:
        raise ValueError(f"Wrong input: Not existing vector name error: {name}")
    return vector


def _check_size(vector: Any, collection: Collection) -> None:
    expected = collection.description.size
    if not isinstance(vector, list) or len(vector) != expected:
        raise ValueError(f"Wrong input: Vector dimension error: expected dim: {expected}")


def _params(request: Any) -> edge.SearchParams | None:
    """Over which points the IDF is counted; the rest of the parameters is about graphs, which the lab has none of."""
    if not request.params.HasField("idf"):
        return None
    return edge.SearchParams(idf=edge.IdfParams(to_edge(GrpcToRest.convert_filter(request.params.idf.corpus))))


def _ids(ids: Sequence[Any]) -> list[Any]:
    return [GrpcToRest.convert_point_id(each) for each in ids]


def _id(point: Any) -> int | str:
    return point.id if isinstance(point.id, int) else str(point.id)


def _order(point_id: Any) -> tuple[bool, int, str]:
    return (False, point_id, "") if isinstance(point_id, int) else (True, 0, str(point_id))


def _record(record: Any) -> Any:
    return grpc.RetrievedPoint(
        id=RestToGrpc.convert_extended_point_id(_id(record)),
        payload=RestToGrpc.convert_payload(record.payload or {}),
        vectors=_vectors(record.vector) if record.vector else None,
    )


def _vectors(vector: Any) -> Any:
    if not isinstance(vector, dict):
        return grpc.VectorsOutput(vector=grpc.VectorOutput(dense=grpc.DenseVector(data=vector)))
    named = {
        name: grpc.VectorOutput(sparse=grpc.SparseVector(indices=each.indices, values=each.values))
        for name, each in vector.items()
    }
    return grpc.VectorsOutput(vectors=grpc.NamedVectorsOutput(vectors=named))


def _completed() -> Any:
    return grpc.PointsOperationResponse(result=grpc.UpdateResult(operation_id=0, status=grpc.UpdateStatus.Completed))
