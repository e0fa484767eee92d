from dataclasses import replace

import pytest
from qdrant_client import models

from rag.errors import DependencyFailed
from rag.retrieval.qdrant.collections import Layout, in_service, prepare, switch
from rag.retrieval.qdrant.points import QdrantIndex
from tests.contracts.passage_index import DIMENSION, found, ids, point
from tests.support import qdrant

LAYOUT = Layout(
    "docs", "sentence-transformers/All_MiniLM", DIMENSION, 3, replication_factor=2, write_consistency_factor=2
)


@pytest.fixture
async def lab(scratch):
    async with qdrant.lab(scratch) as (server, client):
        yield server, client


def test_the_name_says_what_the_vectors_are():
    assert LAYOUT.collection == "docs.sentence-transformers-all-minilm.8.3.v1"
    others = [replace(LAYOUT, model="other"), replace(LAYOUT, dimension=9), replace(LAYOUT, shards=4)]
    assert len({LAYOUT.collection, *(other.collection for other in others)}) == 4


async def test_a_collection_is_made_as_the_settings_say(lab):
    _, client = lab
    await prepare(client, LAYOUT)
    info = await client.get_collection(LAYOUT.collection)
    params = info.config.params
    assert (params.replication_factor, params.write_consistency_factor) == (2, 2)
    assert params.sharding_method == models.ShardingMethod.CUSTOM
    assert set(info.payload_schema) == {"space", "fields"}
    cluster = await client.collection_cluster_info(LAYOUT.collection)
    assert [shard.shard_key for shard in cluster.local_shards] == LAYOUT.keys == ["0", "1", "2"]
    assert await in_service(client, "docs") == LAYOUT.collection


async def test_preparing_again_changes_nothing(lab):
    server, client = lab
    await prepare(client, LAYOUT)
    await QdrantIndex(client, LAYOUT.collection, "1").upsert([point("a")], timeout_s=10)
    server.requests.clear()
    await prepare(client, LAYOUT)
    assert not {"Create", "CreateShardKey", "UpdateAliases"} & set(server.requests)
    assert await found(QdrantIndex(client, LAYOUT.collection)) == ids("a")


async def test_what_an_interruption_left_is_completed(lab):
    _, client = lab
    await client.create_collection(
        LAYOUT.collection,
        vectors_config=models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE),
        sharding_method=models.ShardingMethod.CUSTOM,
    )
    await client.create_shard_key(LAYOUT.collection, "1")
    await prepare(client, LAYOUT)
    cluster = await client.collection_cluster_info(LAYOUT.collection)
    assert sorted(shard.shard_key for shard in cluster.local_shards) == LAYOUT.keys


async def test_the_alias_stays_until_it_is_moved_and_moves_in_one_step(lab):
    server, client = lab
    other = replace(LAYOUT, model="other")
    await prepare(client, LAYOUT)
    await prepare(client, other)
    assert await in_service(client, "docs") == LAYOUT.collection
    server.requests.clear()
    assert await switch(client, other) == LAYOUT.collection
    assert server.requests.count("UpdateAliases") == 1
    assert await in_service(client, "docs") == other.collection


async def test_a_server_that_is_not_there_is_told(lab):
    server, client = lab
    await server.stop()
    with pytest.raises(DependencyFailed, match="setting up docs"):
        await prepare(client, LAYOUT)
    await server.start()
