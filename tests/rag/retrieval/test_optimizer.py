import asyncio
import logging
import os
from pathlib import Path

import pytest

from rag.errors import DependencyFailed
from rag.retrieval.edge import EdgeIndex
from rag.retrieval.optimizer import PAUSE_S, Optimizer, build
from tests.contracts.passage_index import DIMENSION, found, ids, point
from tests.support.virtual_time import run


class Shard:
    """A shard by its numbers; rebuilding it indexes everything."""

    def __init__(self, points, indexed=0, error=None):
        self.points, self.indexed, self.error, self.rebuilt = points, indexed, error, 0

    async def size(self):
        return self.points, self.indexed

    async def rebuild(self, _build):
        self.rebuilt += 1
        if self.error:
            raise self.error
        self.indexed = self.points


@pytest.mark.parametrize(
    ("points", "indexed", "due"),
    [(100, 0, False), (101, 0, True), (1100, 1000, False), (1200, 1000, False), (1201, 1000, True), (90, 100, False)],
)
async def test_a_shard_is_due_when_too_much_of_it_has_no_graph(points, indexed, due):
    shard = Shard(points, indexed)
    optimizer = Optimizer([shard], threshold=100, quantization="int8")
    assert await optimizer.run_once() == due
    assert shard.rebuilt == due
    assert await optimizer.run_once() == 0


def test_it_watches_until_it_is_closed(caplog):
    run(watched(caplog))


async def watched(caplog):
    failing, growing = Shard(200, error=DependencyFailed("no room")), Shard(50)
    optimizer = Optimizer([growing, failing], threshold=100, quantization="int8")
    optimizer.start()
    with caplog.at_level(logging.WARNING):
        await asyncio.sleep(PAUSE_S / 2)
        growing.points = 150
        await asyncio.sleep(PAUSE_S)
    assert (growing.rebuilt, failing.rebuilt) == (1, 2)
    assert "no room" in caplog.text
    await optimizer.aclose()
    growing.points = 900
    await asyncio.sleep(3 * PAUSE_S)
    assert growing.rebuilt == 1


async def test_one_that_never_started_is_closed():
    await Optimizer([], threshold=1, quantization="none").aclose()


async def test_the_graph_is_built_by_a_child(scratch: Path, pool):
    index = EdgeIndex(scratch / "shard", DIMENSION, pool)
    await index.upsert([point(str(n), n) for n in range(40)], timeout_s=10)
    assert await Optimizer([index], threshold=10, quantization="int8").run_once() == 1
    assert await index.size() == (40, 40)
    assert await found(index, limit=3) == ids("0", "1", "2")
    index.close()


async def test_a_child_that_fails_says_why(tmp_path):
    (tmp_path / "edge_config.json").write_text("{")
    with pytest.raises(DependencyFailed, match=r"building the graph of .* failed: .*Error"):
        await build(tmp_path, DIMENSION, "int8")


async def test_a_cancelled_build_leaves_no_child(tmp_path):
    before = children()
    building = asyncio.create_task(build(tmp_path, DIMENSION, "int8"))
    while children() == before:  # noqa: ASYNC110 - the system tells nobody of a child that is there
        await asyncio.sleep(0)
    building.cancel()  # the child is still busy with its imports
    with pytest.raises(asyncio.CancelledError):
        await building
    assert children() == before


def children():
    """Processes that this one started and that are still there."""
    task = Path(f"/proc/{os.getpid()}/task")
    return {child for each in task.iterdir() for child in (each / "children").read_text().split()}
