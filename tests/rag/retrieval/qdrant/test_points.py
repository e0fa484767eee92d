import asyncio
import socket
from dataclasses import replace

import numpy as np
import pytest

from rag.errors import DependencyFailed, DependencyTimeout
from rag.retrieval.qdrant.points import BATCH, QdrantIndex
from tests.contracts.passage_index import DIMENSION, PassageIndexContract, direction, found, ids, point
from tests.support import qdrant
from tests.support.changes import SPACE


class TestOneShardOverASocket(PassageIndexContract):
    @pytest.fixture
    async def index(self, scratch):
        async with qdrant.lab(scratch) as (_, client), qdrant.prepared(client, DIMENSION) as layout:
            yield QdrantIndex(client, layout.collection, "1")


@pytest.mark.filterwarnings("ignore:Local mode performs exact")
class TestInMemory(PassageIndexContract):
    @pytest.fixture
    async def index(self):
        async with qdrant.in_memory(DIMENSION) as index:
            yield index


@qdrant.needs_real_server
class TestOneShardOfARealServer(PassageIndexContract):
    @pytest.fixture
    async def index(self):
        async with qdrant.real() as client, qdrant.prepared(client, DIMENSION) as layout:
            yield QdrantIndex(client, layout.collection, "1")


@pytest.fixture
async def lab(scratch):
    """Server, client and layout of a prepared collection."""
    async with qdrant.lab(scratch) as (server, client), qdrant.prepared(client, DIMENSION) as layout:
        yield server, client, layout


async def test_without_a_key_all_shards_are_asked_in_one_request(lab):
    server, client, layout = lab
    for key in layout.keys:
        await QdrantIndex(client, layout.collection, key).upsert([point(key, 10 * int(key))], timeout_s=10)
    server.requests.clear()
    assert await found(QdrantIndex(client, layout.collection)) == ids("0", "1")
    assert server.requests == ["Query"]


async def test_many_points_go_in_batches(lab):
    server, client, layout = lab
    index = QdrantIndex(client, layout.collection, "0")
    server.requests.clear()
    await index.upsert([point(str(n), n % 90) for n in range(2 * BATCH + 1)], timeout_s=10)
    assert server.requests == ["Upsert"] * 3
    assert len(await found(index, limit=1_000)) == 2 * BATCH + 1


async def test_what_the_server_refuses_is_a_failure(lab):
    _, client, layout = lab
    index = QdrantIndex(client, layout.collection, "0")
    with pytest.raises(DependencyFailed, match="Qdrant shard 0 failed: INVALID_ARGUMENT"):
        await index.search(SPACE, np.ones(DIMENSION + 1, np.float32), 1, {}, timeout_s=10)
    with pytest.raises(DependencyFailed, match="INVALID_ARGUMENT"):
        await index.upsert([replace(point("b"), vector=np.ones(3, np.float32))], timeout_s=10)
    with pytest.raises(DependencyFailed, match="the Qdrant collection failed: NOT_FOUND"):
        await found(QdrantIndex(client, "nowhere"))


async def test_a_server_that_is_gone_is_a_failure_and_found_again_when_it_is_back(lab):
    server, client, layout = lab
    index = QdrantIndex(client, layout.collection, "0")
    await index.upsert([point("a")], timeout_s=10)
    await server.stop()
    with pytest.raises(DependencyFailed, match="UNAVAILABLE"):
        await found(index)
    await server.start()
    async with asyncio.timeout(20):
        while True:
            try:
                assert await found(index) == ids("a")
                break
            except DependencyFailed:
                continue


async def test_a_time_below_a_second_is_kept():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with qdrant.connected(f"qdrant://127.0.0.1:{silent.getsockname()[1]}") as client:
            start = asyncio.get_running_loop().time()
            with pytest.raises(DependencyTimeout, match=r"took longer than 0\.15 s"):
                await QdrantIndex(client, "any").search(SPACE, direction(0), 1, {}, timeout_s=0.15)
            assert asyncio.get_running_loop().time() - start < 0.9


async def test_a_closed_client_is_a_failure(lab):
    server, _, layout = lab
    other = qdrant.connect(server.url, None)
    await other.close()
    with pytest.raises(DependencyFailed, match="closed"):
        await found(QdrantIndex(other, layout.collection))
