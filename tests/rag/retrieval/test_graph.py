import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from rag.retrieval.edge import EdgeIndex
from rag.retrieval.graph import build
from tests.contracts.passage_index import DIMENSION, found, point


@pytest.fixture
async def folder(scratch: Path, pool):
    """A shard of 40 points that nobody has open."""
    index = EdgeIndex(scratch / "shard", DIMENSION, pool)
    await index.upsert([point(str(n), n) for n in range(40)], timeout_s=10)
    index.close()
    return scratch / "shard"


@pytest.mark.parametrize(("quantization", "has_int8"), [("int8", True), ("none", False)])
async def test_the_shard_has_graph_and_int8_vectors(folder, pool, quantization, has_int8):
    await asyncio.to_thread(build, folder, DIMENSION, quantization)
    assert bool(list(folder.rglob("quantized*"))) == has_int8
    index = EdgeIndex(folder, DIMENSION, pool)
    assert await index.size() == (40, 40)
    assert len(await found(index)) == 40
    index.close()


def test_a_folder_that_holds_no_shard_fails(tmp_path):
    (tmp_path / "edge_config.json").write_text("{")
    done = subprocess.run(
        [sys.executable, "-m", "rag.retrieval.graph", tmp_path, "8", "int8"], capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"Error" in done.stderr
