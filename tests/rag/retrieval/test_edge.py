from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.errors import DataFolderBusy, DataFolderCorrupt, DependencyFailed, DependencyTimeout
from rag.retrieval.edge import EdgeIndex
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


async def test_a_shard_whose_making_was_interrupted_is_made_anew(folder: Path, pool: ThreadPoolExecutor) -> None:
    (folder / "wal").mkdir(parents=True)
    (folder / "edge_config.json").write_text("{")
    index = EdgeIndex(folder, DIMENSION, pool)
    await index.upsert([point("a")], timeout_s=10)
    assert await found(index) == ids("a")
    index.close()


async def test_what_was_written_survives_kill_9(folder: Path, pool: ThreadPoolExecutor) -> None:
    program = f"""
import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from rag.retrieval.edge import EdgeIndex
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


async def test_a_late_answer_is_a_timeout(folder: Path) -> None:
    release = threading.Event()
    with ThreadPoolExecutor(1) as busy:
        index = EdgeIndex(folder, DIMENSION, busy)
        busy.submit(release.wait, 10)
        for late in (
            index.search(SPACE, direction(0), 1, {}, timeout_s=0.01),
            index.upsert([point("a")], timeout_s=0.01),
            index.delete(ids("a"), timeout_s=0.01),
        ):
            with pytest.raises(DependencyTimeout, match=r"shard-0 took longer than 0\.01 s"):
                await late
        release.set()
        assert await found(index) == []
        index.close()


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
