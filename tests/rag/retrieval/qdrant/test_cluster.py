from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from rag.errors import ConfigError
from rag.retrieval.qdrant.cluster import cluster
from rag.retrieval.qdrant.collections import Layout, in_service
from rag.retrieval.sharded import ShardedIndex
from tests.contracts.passage_index import DIMENSION, direction, ids, point
from tests.support import qdrant
from tests.support.changes import SPACE

LAYOUT = Layout("docs", "toy", DIMENSION, 3)


async def test_once_it_is_started_it_stores_and_finds(scratch):
    async with qdrant.lab(scratch) as (server, client), AsyncExitStack() as stack:
        dense = cluster(server.url, None, LAYOUT, stack)
        assert server.requests == []
        await dense.start()
        index = ShardedIndex(dense.shards, dense.whole)
        await index.upsert([point(name) for name in "abcdef"], timeout_s=10)
        found = await index.search(SPACE, direction(0), 9, {}, timeout_s=10)
        assert sorted(hit.passage_id for hit in found.hits) == sorted(ids(*"abcdef"))
        assert (await client.count(LAYOUT.collection)).count == 6
        assert LAYOUT.collection in dense.engine


async def test_another_model_has_another_collection_and_the_alias_moves_when_it_is_told(scratch):
    async with qdrant.lab(scratch) as (server, client), AsyncExitStack() as stack:
        for layout in (LAYOUT, replace(LAYOUT, model="other")):
            dense = cluster(server.url, None, layout, stack)
            await dense.start()
            assert await in_service(client, "docs") == LAYOUT.collection
        await dense.publish()
        assert await in_service(client, "docs") == layout.collection
        async with dense.frozen() as shards:
            assert shards == {}


async def test_a_url_that_names_no_server_is_told():
    async with AsyncExitStack() as stack:
        with pytest.raises(ConfigError):
            cluster("qdrant://", None, LAYOUT, stack)
