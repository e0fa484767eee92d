"""One shard of the dense index, in process: Qdrant's own engine (Qdrant Edge), one folder a shard."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    MatchAny,
    MatchValue,
    PayloadSchemaType,
    Query,
    QueryRequest,
    UpdateOperation,
)
from qdrant_edge import Point as EdgePoint

from rag.errors import DataFolderBusy, DataFolderCorrupt, DependencyFailed, DependencyTimeout, SteadyragError
from rag.ports import Point, Vector
from rag.types import Filters, Hit, Space

T = TypeVar("T")

#: Payload fields, both indexed keywords: the space, since every query asks for exactly one, and the filterable fields
#: with their values, each pair one JSON text. The engine takes a boolean for an integer and refuses some names; texts
#: it compares as they are.
SPACE, FIELDS = "space", "fields"


class EdgeIndex:
    """A `PassageIndex` over one Edge shard.

    Vectors are searched exactly. Writes go through the engine's write-ahead log, so that a killed process loses
    nothing that was acknowledged.

    Raises:
        DataFolderBusy: another index holds the shard.
        DataFolderCorrupt: the folder holds a shard that the engine cannot read.
    """

    def __init__(self, folder: Path, dimension: int, pool: ThreadPoolExecutor) -> None:
        self._folder = folder
        self._pool = pool
        try:
            self._shard = _without_panic(lambda: self._open(dimension))
        except Exception as error:
            raise _map_open_error(error, folder) from error

    async def search(
        self, space: Space, vector: Vector, limit: int, filters: Filters, *, timeout_s: float
    ) -> list[Hit]:
        """See `rag.ports.PassageIndex`."""
        request = QueryRequest(limit=limit, query=Query.Nearest(vector.tolist()), filter=_filter(space, filters))
        found = await self._run(lambda: self._shard.query(request), timeout_s)
        return [Hit(str(point.id), point.score) for point in found]

    async def upsert(self, points: Sequence[Point], *, timeout_s: float) -> None:
        """See `rag.ports.PassageIndex`."""
        await self._run(
            lambda: self._shard.update(UpdateOperation.upsert_points([_edge_point(p) for p in points])), timeout_s
        )

    async def delete(self, passage_ids: Sequence[str], *, timeout_s: float) -> None:
        """See `rag.ports.PassageIndex`."""
        await self._run(lambda: self._shard.update(UpdateOperation.delete_points(list(passage_ids))), timeout_s)

    def close(self) -> None:
        """Flush and close the shard."""
        self._shard.flush()
        self._shard.close()

    def _open(self, dimension: int) -> EdgeShard:
        if (self._folder / "segments").exists():
            return EdgeShard.load(str(self._folder))
        # a folder without segments is one whose making was interrupted: nothing was ever acknowledged in it
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        config = EdgeConfig(vectors=EdgeVectorParams(size=dimension, distance=Distance.Cosine), max_search_threads=1)
        shard = EdgeShard.create(str(self._folder), config)
        for field in (SPACE, FIELDS):
            shard.update(UpdateOperation.create_field_index(field, PayloadSchemaType.Keyword))
        return shard

    async def _run(self, work: Callable[[], T], timeout_s: float) -> T:
        """Run `work` on a worker thread (the engine releases the GIL) and map what it raises."""
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.get_running_loop().run_in_executor(self._pool, _without_panic, work)
        except TimeoutError:
            raise DependencyTimeout(f"index shard {self._folder.name} took longer than {timeout_s:.2f} s") from None
        except Exception as error:
            raise DependencyFailed(f"index shard {self._folder.name} failed: {error}") from error


def _without_panic(work: Callable[[], T]) -> T:
    """Run `work`; a panic of the Rust engine, which is no `Exception`, becomes one."""
    try:
        return work()
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise RuntimeError(f"the engine panicked: {error}") from error
        raise


def _edge_point(point: Point) -> EdgePoint:
    fields = {**point.metadata, "document_id": point.document_id}
    payload = {SPACE: str(point.space), FIELDS: list(_terms(fields))}
    return EdgePoint(point.passage_id, point.vector.tolist(), payload)


def _terms(fields: Mapping[str, object]) -> Iterator[str]:
    """A keyword for each value that a filter can ask for; a list gives one for each of its values."""
    for key, value in fields.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, str | int):
                yield json.dumps([key, each])


def _filter(space: Space, filters: Filters) -> Filter:
    wanted = [FieldCondition(key=FIELDS, match=MatchAny(list(_terms({key: value})))) for key, value in filters.items()]
    return Filter(must=[FieldCondition(key=SPACE, match=MatchValue(str(space))), *wanted])


def _map_open_error(error: Exception, folder: Path) -> SteadyragError:
    if "WouldBlock" in str(error):  # the lock on the write-ahead log
        return DataFolderBusy(f"the index shard {folder} is in use by another process, or twice in this one")
    return DataFolderCorrupt(
        f"the index shard {folder} cannot be read ({error}); restore a backup or use another data folder"
    )
