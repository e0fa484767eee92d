import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError
from qdrant_client import models

from chaos.lab.qdrant.server import LabQdrant
from rag.errors import DependencyFailed
from rag.retrieval.qdrant.points import QdrantIndex
from rag.retrieval.sharded import shard_of
from tests.contracts.passage_index import DIMENSION, direction, found, ids, point
from tests.support import qdrant
from tests.support.changes import SPACE

NAMES = [f"document-{n}" for n in range(12)]


async def filled(client, layout):
    """The cluster's index over a document of each name."""
    index = qdrant.cluster(client, layout)
    await index.upsert([point(name, 5 * n) for n, name in enumerate(NAMES)], timeout_s=10)
    return index


async def test_a_dead_shard_costs_its_part_and_no_more(lab):
    server, client = lab
    async with qdrant.prepared(client, DIMENSION, 3) as layout:
        index = await filled(client, layout)
        server.kill_shard(layout.collection, "1")
        with pytest.raises(DependencyFailed, match=r"INTERNAL .*shard 1 is not available"):
            await found(QdrantIndex(client, layout.collection))
        result = await index.search(SPACE, direction(0), 100, {}, timeout_s=10)
        assert (result.answered, result.shards) == (2, 3)
        assert [h.passage_id for h in result.hits] == ids(*(name for name in NAMES if shard_of(SPACE, name, 3) != 1))
        server.revive_shard(layout.collection, "1")
        assert (await index.search(SPACE, direction(0), 100, {}, timeout_s=10)).answered == 3


async def test_the_normal_case_is_one_request(lab):
    server, client = lab
    async with qdrant.prepared(client, DIMENSION, 3) as layout:
        index = await filled(client, layout)
        server.requests.clear()
        await index.search(SPACE, direction(0), 100, {}, timeout_s=10)
        assert server.requests == ["Query"]


async def test_a_restart_keeps_everything(lab):
    server, client = lab
    async with qdrant.prepared(client, DIMENSION, 3) as layout:
        index = await filled(client, layout)
        before = await index.search(SPACE, direction(0), 100, {}, timeout_s=10)
        port = server.port
        await server.stop()
        await server.start()
        assert server.port == port
        async with qdrant.connected(server.url) as again:
            assert await qdrant.cluster(again, layout).search(SPACE, direction(0), 100, {}, timeout_s=10) == before
            assert [each.alias_name for each in (await again.get_aliases()).aliases] == [layout.alias]


async def test_a_taken_port_is_told(lab, tmp_path):
    with pytest.raises(RuntimeError, match="bind"):
        await LabQdrant(tmp_path, port=lab[0].port).start()


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda c: c.get_collection("none"), StatusCode.NOT_FOUND),
        (
            lambda c: c.create_collection(
                "a", vectors_config=models.VectorParams(size=2, distance=models.Distance.COSINE)
            ),
            StatusCode.INVALID_ARGUMENT,
        ),
        (lambda c: c.query_points("a", query=[1.0]), StatusCode.INVALID_ARGUMENT),
        (lambda c: c.facet("a", "key"), StatusCode.UNIMPLEMENTED),
    ],
)
async def test_errors_have_qdrant_s_codes(lab, call, code):
    _, client = lab
    config = models.VectorParams(size=2, distance=models.Distance.COSINE)
    await client.create_collection("a", vectors_config=config)
    with pytest.raises(AioRpcError) as caught:
        await call(client)
    assert caught.value.code() == code


async def test_health_is_told(lab):
    assert (await lab[1].info()).version.endswith("-lab")
