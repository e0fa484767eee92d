from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.errors import DataFolderBusy, DataFolderCorrupt, DependencyFailed, DependencyTimeout
from rag.retrieval.edge import EdgeIndex
from rag.retrieval.graph import build
from tests.contracts.passage_index import DIMENSION, PassageIndexContract, direction, found, ids, point
from tests.support.changes import SPACE
from tests.support.killed import DIE, run_until_killed


@pytest.fixture
def folder(scratch: Path) -> Path:
    return scratch / "index" / "shard-0"


@pytest.fixture
def index(folder: Path, pool: ThreadPoolExecutor) -> Iterator[EdgeIndex]:
    index = EdgeIndex(folder, DIMENSION, pool)
    yield index
    index.close()


class TestEdgeIndex(PassageIndexContract):
    @pytest.fixture
    def index(self, folder: Path, pool: ThreadPoolExecutor) -> Iterator[EdgeIndex]:
        index = EdgeIndex(folder, DIMENSION, pool)
        yield index
        index.close()


async def test_a_reopened_shard_has_what_was_written(folder: Path, pool: ThreadPoolExecutor) -> None:
    first = EdgeIndex(folder, DIMENSION, pool)
    await first.upsert([point("a", 0, lang="en"), point("b", 20, lang="de"), point("c", 40)], timeout_s=10)
    await first.delete(ids("c"), timeout_s=10)
    first.close()
    second = EdgeIndex(folder, DIMENSION, pool)
    assert await found(second) == ids("a", "b")
    assert await found(second, filters={"lang": "de"}) == ids("b")
    second.close()


@pytest.mark.usefixtures("index")
def test_a_shard_in_use_is_refused_and_not_called_damaged(folder: Path, pool: ThreadPoolExecutor) -> None:
    with pytest.raises(DataFolderBusy, match=r"shard-0 is in use"):
        EdgeIndex(folder, DIMENSION, pool)


async def test_a_refused_opening_leaves_the_owner_at_work(
    index: EdgeIndex, folder: Path, pool: ThreadPoolExecutor
) -> None:
    with pytest.raises(DataFolderBusy):
        EdgeIndex(folder, DIMENSION, pool)
    await index.upsert([point("a")], timeout_s=10)
    assert await found(index) == ids("a")


def overwrite(folder: Path, pattern: str, content: bytes) -> None:
    (file,) = folder.glob(pattern)
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("edge_config.json", b"{"),
        ("wal/first-index", b""),
        ("segments/*/segment.json", b"\xfe\xfe"),
        ("segments/*/payload_storage/config.json", b""),
        ("segments/*/vector_storage/vectors/status.dat", b""),  # the engine panics
    ],
)
async def test_a_damaged_shard_is_told_as_such(
    folder: Path, pool: ThreadPoolExecutor, file: str, content: bytes
) -> None:
    index = EdgeIndex(folder, DIMENSION, pool)
    await index.upsert([point("a")], timeout_s=10)
    index.close()
    overwrite(folder, file, content)
    with pytest.raises(DataFolderCorrupt, match=r"shard-0 cannot be read .*restore a backup"):
        EdgeIndex(folder, DIMENSION, pool)


@pytest.mark.parametrize("left", [("wal/", "edge_config.json"), ("wal/", "segments/", ".atomicwriteXY")], ids=str)
async def test_a_shard_whose_making_was_interrupted_is_made_anew(
    folder: Path, pool: ThreadPoolExecutor, left: tuple[str, ...]
) -> None:
    for name in left:
        if name.endswith("/"):
            (folder / name).mkdir(parents=True)
        else:
            (folder / name).write_text("{")
    index = EdgeIndex(folder, DIMENSION, pool)
    await index.upsert([point("a")], timeout_s=10)
    assert await found(index) == ids("a")
    index.close()


async def test_an_empty_shard_of_another_dimension_is_made_anew(folder: Path, pool: ThreadPoolExecutor) -> None:
    EdgeIndex(folder, DIMENSION + 1, pool).close()
    index = EdgeIndex(folder, DIMENSION, pool)
    assert index.points == 0
    await index.upsert([point("a")], timeout_s=10)
    assert (index.points, await found(index)) == (1, ids("a"))
    index.close()


async def test_what_was_written_survives_kill_9(folder: Path, pool: ThreadPoolExecutor) -> None:
    program = f"""
import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from rag.retrieval.edge import EdgeIndex
from rag.retrieval.graph import build
from tests.contracts.passage_index import DIMENSION, ids, point
async def main():
    index = EdgeIndex(Path(sys.argv[1]), DIMENSION, ThreadPoolExecutor(1))
    await index.upsert([point(str(n), n, n=n) for n in range(50)], timeout_s=10)
    await index.delete(ids("0", "1"), timeout_s=10)
    await index.upsert([point("2", 90, n=2)], timeout_s=10)
    {DIE}
asyncio.run(main())
"""
    run_until_killed(program, folder)
    index = EdgeIndex(folder, DIMENSION, pool)
    assert await found(index) == ids(*(str(n) for n in [*range(3, 50), 2]))
    assert await found(index, filters={"n": [0, 7]}) == ids("7")
    index.close()


async def test_a_late_search_is_a_timeout(folder: Path) -> None:
    release = threading.Event()
    with ThreadPoolExecutor(1) as busy:
        index = EdgeIndex(folder, DIMENSION, busy)
        busy.submit(release.wait, 10)
        with pytest.raises(DependencyTimeout, match=r"shard-0 took longer than 0\.01 s"):
            await index.search(SPACE, direction(0), 1, {}, timeout_s=0.01)
        release.set()
        assert await found(index) == []
        index.close()


async def test_a_late_write_is_a_timeout(index: EdgeIndex) -> None:
    for late in (index.upsert([point("a")], timeout_s=0), index.delete(ids("a"), timeout_s=0)):
        with pytest.raises(DependencyTimeout, match=r"shard-0 took longer than 0\.00 s"):
            await late


async def test_what_the_engine_refuses_is_a_failure(index: EdgeIndex) -> None:
    await index.upsert([point("a")], timeout_s=10)
    with pytest.raises(DependencyFailed, match="shard-0 failed"):
        await index.search(SPACE, np.ones(DIMENSION + 1, np.float32), 1, {}, timeout_s=10)
    with pytest.raises(DependencyFailed, match="shard-0 failed"):
        await index.upsert([replace(point("b"), vector=np.ones(3, np.float32))], timeout_s=10)
    with pytest.raises(DependencyFailed, match="shard-0 failed"):
        await index.delete(["no uuid"], timeout_s=10)
    assert await found(index) == ids("a")


async def test_a_closed_shard_is_a_failure(folder: Path, pool: ThreadPoolExecutor) -> None:
    index = EdgeIndex(folder, DIMENSION, pool)
    index.close()
    with pytest.raises(DependencyFailed, match="shard-0 failed"):
        await found(index)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


async def grow(index: EdgeIndex, count: int) -> None:
    await index.upsert([point(str(n), n % 90, n=n) for n in range(count)], timeout_s=10)


async def copy_only(_folder: Path, _dimension: int) -> None:
    """A build that leaves the copy as it is."""


async def test_a_rebuilt_shard_has_a_graph_and_finds_the_same(index: EdgeIndex) -> None:
    await grow(index, 90)
    before = await found(index, limit=20), await found(index, 45, filters={"n": [44, 3]})
    assert await index.size() == (90, 0)
    await index.rebuild(lambda folder, dimension: asyncio.to_thread(build, folder, dimension, "int8"))
    assert await index.size() == (90, 90)
    assert (await found(index, limit=20), await found(index, 45, filters={"n": [44, 3]})) == before


async def test_what_is_written_while_it_is_rebuilt_is_kept(folder: Path, pool: ThreadPoolExecutor) -> None:
    index = EdgeIndex(folder, DIMENSION, pool)
    await index.upsert([point("a"), point("b", 10), point("c", 20, lang="en")], timeout_s=10)

    async def meanwhile(_copy: Path, _dimension: int) -> None:
        await index.upsert([point("c", 90, lang="de"), point("d", 30), point("e", 50)], timeout_s=10)
        await index.delete(ids("a", "e"), timeout_s=10)
        assert await found(index) == ids("b", "d", "c")

    await index.rebuild(meanwhile)
    for _ in range(2):
        assert await found(index) == ids("b", "d", "c")
        assert await found(index, filters={"lang": "de"}) == ids("c")
        index.close()
        index = EdgeIndex(folder, DIMENSION, pool)
    index.close()


async def test_searches_that_run_while_the_copy_is_taken_end_well(index: EdgeIndex) -> None:
    await grow(index, 90)
    expected = await found(index, limit=10)
    for _ in range(3):
        results, _ = await asyncio.gather(
            asyncio.gather(*(found(index, limit=10) for _ in range(50))), index.rebuild(copy_only)
        )
        assert results == [expected] * 50


@pytest.mark.parametrize("error", [DependencyFailed("no memory"), asyncio.CancelledError()])
async def test_a_rebuilding_that_fails_leaves_the_shard_as_it_was(
    index: EdgeIndex, folder: Path, error: BaseException
) -> None:
    await index.upsert([point("a")], timeout_s=10)
    files = names(folder)

    async def fails(_copy: Path, _dimension: int) -> None:
        await index.upsert([point("b", 10)], timeout_s=10)
        raise error

    with pytest.raises(type(error)):
        await index.rebuild(fails)
    assert names(folder) == files
    await index.upsert([point("c", 20)], timeout_s=10)
    assert await found(index) == ids("a", "b", "c")


async def test_a_copy_that_cannot_be_read_is_not_taken(index: EdgeIndex) -> None:
    await index.upsert([point("a")], timeout_s=10)

    async def damage(copy: Path, _dimension: int) -> None:
        overwrite(copy, "segments/*/segment.json", b"")

    with pytest.raises(DependencyFailed, match="shard-0 failed"):
        await index.rebuild(damage)
    assert await found(index) == ids("a")


async def test_kill_9_while_it_is_rebuilt_loses_nothing(folder: Path, pool: ThreadPoolExecutor) -> None:
    program = f"""
import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from rag.retrieval.edge import EdgeIndex
from rag.retrieval.graph import build
from tests.contracts.passage_index import DIMENSION, ids, point
async def main():
    index = EdgeIndex(Path(sys.argv[1]), DIMENSION, ThreadPoolExecutor(1))
    await index.upsert([point("a"), point("b", 10)], timeout_s=10)
    async def die(copy, dimension):
        await index.upsert([point("c", 20)], timeout_s=10)
        await index.delete(ids("a"), timeout_s=10)
        {DIE}
    await index.rebuild(die)
asyncio.run(main())
"""
    run_until_killed(program, folder)
    index = EdgeIndex(folder, DIMENSION, pool)
    assert await found(index) == ids("b", "c")
    assert not [name for name in names(folder) if name.startswith("generation-")]
    index.close()


async def test_a_frozen_shard_answers_and_takes_no_write_until_it_is_let_go(index: EdgeIndex, folder: Path) -> None:
    await index.upsert([point("a")], timeout_s=10)
    async with index.frozen() as files:
        assert files == folder
        write = asyncio.create_task(index.upsert([point("b", 10)], timeout_s=10))
        assert await found(index) == ids("a")
        assert not write.done()
    await write
    assert await found(index) == ids("a", "b")


async def test_a_shard_that_cannot_be_flushed_is_not_frozen(folder: Path, pool: ThreadPoolExecutor) -> None:
    index = EdgeIndex(folder, DIMENSION, pool)
    index._shard.close()
    with pytest.raises(DependencyFailed, match="shard-0 failed"):
        async with index.frozen():
            pytest.fail("it was taken for whole")
    index._writes.shutdown()
