"""One shard of the dense index, in process: Qdrant's own engine (Qdrant Edge), one folder a shard."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar, cast
from uuid import UUID

import numpy as np
from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    HasIdCondition,
    MatchAny,
    MatchValue,
    PayloadSchemaType,
    QuantizationSearchParams,
    Query,
    QueryRequest,
    SearchParams,
    UpdateOperation,
)
from qdrant_edge import Point as EdgePoint

from rag.errors import DataFolderBusy, DataFolderCorrupt, DependencyFailed, DependencyTimeout, SteadyragError
from rag.ports import Point, Vector
from rag.retrieval import generations
from rag.retrieval.payload import FIELDS, SPACE, payload, terms
from rag.types import Filters, Hit, Space

T = TypeVar("T")
PointId = int | UUID | str

#: Candidates that a search of the graph holds, and quantised ones taken for each wanted, to be rescored exactly;
#: measured at 200,000 passages in docs/decisions/.
BREADTH, OVERSAMPLING = 128, 2.0
SEARCH = SearchParams(hnsw_ef=BREADTH, quantization=QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLING))
#: Points moved at once into a rebuilt shard; the engine holds the interpreter lock for as long as one call takes.
STEP = 256


class EdgeIndex:
    """A `PassageIndex` over one Edge shard.

    Vectors are searched exactly until `rebuild` has given them a graph. Writes go through the engine's write-ahead
    log, so that a killed process loses nothing that was acknowledged. They run on a thread of their own, in order:
    no search waits for one.

    Raises:
        DataFolderBusy: another index holds the shard.
        DataFolderCorrupt: the folder holds a shard that the engine cannot read.
    """

    def __init__(self, folder: Path, dimension: int, pool: ThreadPoolExecutor) -> None:
        self._folder = folder
        self._dimension = dimension
        self._pool = pool
        self._touched: set[str] | None = None
        try:
            self._shard = _without_panic(lambda: self._open(dimension))
        except Exception as error:
            raise _map_open_error(error, folder) from error
        self._writes = ThreadPoolExecutor(1, thread_name_prefix=f"write-{folder.name}")

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
        wanted = _filter(space, filters, within)
        request = QueryRequest(limit=limit, query=Query.Nearest(vector.tolist()), filter=wanted, params=SEARCH)
        found = await self._run(self._pool, lambda: self._shard.query(request), timeout_s)
        return [Hit(str(point.id), point.score) for point in found]

    async def vectors(self, passage_ids: Sequence[str], *, timeout_s: float) -> dict[str, Vector]:
        """See `rag.ports.PassageVectors`."""
        ids: list[PointId] = list(passage_ids)
        found = await self._run(self._pool, lambda: self._shard.retrieve(ids, False, True), timeout_s)
        return {str(point.id): np.array(point.vector, np.float32) for point in found}

    async def upsert(self, points: Sequence[Point], *, timeout_s: float) -> None:
        """See `rag.ports.PassageIndex`."""
        ids = [point.passage_id for point in points]
        await self._update(ids, lambda: UpdateOperation.upsert_points([_edge_point(p) for p in points]), timeout_s)

    async def delete(self, passage_ids: Sequence[str], *, timeout_s: float) -> None:
        """See `rag.ports.PassageIndex`."""
        await self._update(passage_ids, lambda: UpdateOperation.delete_points(list(passage_ids)), timeout_s)

    async def size(self) -> tuple[int, int]:
        """Points, and those among them that the graph holds."""
        info = await self._run(self._writes, self._shard.info, None)
        return info.points_count, info.indexed_vectors_count

    async def rebuild(self, build: Callable[[Path, int], Awaitable[None]]) -> None:
        """Let `build` work on a copy of the shard, given its folder and dimension, and go on with the copy.

        Searches and writes go on meanwhile; what is written goes into the copy before it is taken. Interrupted at any
        moment, the shard is as it was.

        Raises:
            DependencyFailed: the copy cannot be made, built or taken.
        """
        try:
            copy: Path = await self._run(self._writes, self._copy, None)
            await build(copy, self._dimension)
            await self._run(self._writes, lambda: self._take(copy), None)
        finally:
            await asyncio.shield(self._run(self._writes, self._settle, None))

    @property
    def points(self) -> int:
        """How many points the shard holds; for start-up only."""
        return int(self._shard.info().points_count)

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[Path]:
        """The folder of the shard's files, whole on the disk and unchanged for the block: writes wait, searches do not.

        Raises:
            DependencyFailed: the shard cannot be flushed.
        """
        release, loop = threading.Event(), asyncio.get_running_loop()
        flushed: asyncio.Future[None] = loop.create_future()

        def hold() -> None:
            generations.write_back(generations.current(self._folder))
            self._shard.flush()
            loop.call_soon_threadsafe(flushed.set_result, None)
            release.wait()

        holding = asyncio.ensure_future(self._run(self._writes, hold, None))
        try:
            await asyncio.wait({holding, flushed}, return_when=asyncio.FIRST_COMPLETED)
            if holding.done():
                await holding
            yield generations.current(self._folder)
        finally:
            release.set()
            await asyncio.wait({holding})

    def close(self) -> None:
        """Finish writes, flush and close the shard."""
        self._writes.shutdown()
        self._shard.flush()
        self._shard.close()

    def _open(self, dimension: int) -> EdgeShard:
        folder = generations.current(self._folder)
        if _is_made(folder):
            shard = EdgeShard.load(str(folder))
            if shard.info().points_count or _takes(shard, dimension):
                generations.clean(self._folder)
                return shard
            shard.close()
        # where there is none its making was interrupted, without points it may be of another dimension: nothing is lost
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        config = EdgeConfig(vectors=EdgeVectorParams(size=dimension, distance=Distance.Cosine), max_search_threads=1)
        shard = EdgeShard.create(str(self._folder), config)
        for field in (SPACE, FIELDS):
            shard.update(UpdateOperation.create_field_index(field, PayloadSchemaType.Keyword))
        return shard

    async def _update(self, ids: Iterable[str], operation: Callable[[], UpdateOperation], timeout_s: float) -> None:
        def work() -> None:
            if self._touched is not None:
                self._touched.update(ids)
            self._shard.update(operation())

        await self._run(self._writes, work, timeout_s)

    def _copy(self) -> Path:
        """A copy of the shard as it is; what is touched from here on is remembered."""
        copy = generations.make(self._folder)
        generations.write_back(generations.current(self._folder))
        self._shard.flush()
        shutil.copytree(generations.current(self._folder), copy, ignore=_ignore_generations, dirs_exist_ok=True)
        self._touched = set()
        return copy

    def _take(self, copy: Path) -> None:
        """Bring what was touched into the copy and go on with it; searches that run end on the old one."""
        shard = EdgeShard.load(str(copy))
        touched: list[PointId] = sorted(self._touched or ())
        for start in range(0, len(touched), STEP):
            _move(touched[start : start + STEP], self._shard, shard)
        shard.flush()
        generations.switch(self._folder, copy)
        self._shard = shard  # the old one closes itself when the last search lets it go

    def _settle(self) -> None:
        self._touched = None
        generations.clean(self._folder)

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[], T], timeout_s: float | None) -> T:
        """Run `work` on a thread of the pool and map what it raises. Only searches release the interpreter lock."""
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.get_running_loop().run_in_executor(pool, _without_panic, work)
        except TimeoutError:
            raise DependencyTimeout(f"index shard {self._folder.name} took longer than {timeout_s:.2f} s") from None
        except Exception as error:
            raise DependencyFailed(f"index shard {self._folder.name} failed: {error}") from error


def _is_made(folder: Path) -> bool:
    """Whether the engine got as far as a shard there: what is killed before that leaves empty folders and a log."""
    segments = folder / "segments"
    return segments.exists() and ((folder / "edge_config.json").exists() or any(segments.iterdir()))


def _takes(shard: EdgeShard, dimension: int) -> bool:
    """Whether the shard is of the dimension: the engine does not tell, but refuses a vector of another."""
    try:
        shard.query(QueryRequest(limit=1, query=Query.Nearest([1.0] * dimension)))
    except Exception:  # noqa: BLE001 - the engine has no other class
        return False
    return True


def _without_panic(work: Callable[[], T]) -> T:
    """Run `work`; a panic of the Rust engine, which is no `Exception`, becomes one."""
    try:
        return work()
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise RuntimeError(f"the engine panicked: {error}") from error
        raise


def _edge_point(point: Point) -> EdgePoint:
    return EdgePoint(point.passage_id, point.vector.tolist(), payload(point))


def _move(ids: list[PointId], source: EdgeShard, target: EdgeShard) -> None:
    """Make the points in `target` what they are in `source`."""
    records = source.retrieve(ids, with_payload=True, with_vector=True)
    target.update(UpdateOperation.delete_points(ids))
    target.update(
        UpdateOperation.upsert_points([EdgePoint(r.id, cast("list[float]", r.vector), r.payload) for r in records])
    )


def _ignore_generations(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name.startswith((generations.PREFIX, generations.POINTER))}


def _filter(space: Space, filters: Filters, within: Sequence[str] | None) -> Filter:
    wanted = [FieldCondition(key=FIELDS, match=MatchAny(list(terms({key: value})))) for key, value in filters.items()]
    among = [] if within is None else [HasIdCondition(set(within))]
    return Filter(must=[FieldCondition(key=SPACE, match=MatchValue(str(space))), *wanted, *among])


def _map_open_error(error: Exception, folder: Path) -> SteadyragError:
    if "WouldBlock" in str(error):  # the lock on the write-ahead log
        return DataFolderBusy(f"the index shard {folder} is in use by another process, or twice in this one")
    return DataFolderCorrupt(
        f"the index shard {folder} cannot be read ({error}); restore a backup or use another data folder"
    )
