"""The embedded dense index and the Qdrant cluster give the same results, and so does the client's own twin."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np
import pytest

from rag.ports import Point
from rag.retrieval.edge import EdgeIndex
from rag.retrieval.sharded import ShardedIndex
from rag.types import Space
from tests.support import qdrant
from tests.support.changes import passage_id

DIMENSION, SHARDS, POINTS = 24, 3, 300
SPACES = (Space("default", "docs"), Space("other", "docs"))
FILTERS = (
    {},
    {"lang": "en"},
    {"lang": ["en", "de"], "year": 3},
    {"tags": "x"},
    {"open": True},
    {"year": "3"},
    {"lang": []},
)


@asynccontextmanager
async def embedded(folder):
    """Edge shards."""
    with ThreadPoolExecutor(SHARDS) as pool:
        shards = [EdgeIndex(folder / f"shard-{n}", DIMENSION, pool) for n in range(SHARDS)]
        try:
            yield ShardedIndex(shards)
        finally:
            for shard in shards:
                shard.close()


@asynccontextmanager
async def over_a_socket(folder):
    """The cluster adapter and the lab server."""
    async with qdrant.lab(folder) as (_, client), qdrant.prepared(client, DIMENSION, SHARDS) as layout:
        yield qdrant.cluster(client, layout)


@asynccontextmanager
async def shard_by_shard(folder):
    """The same, by requests for single shards."""
    async with qdrant.lab(folder) as (_, client), qdrant.prepared(client, DIMENSION, SHARDS) as layout:
        yield ShardedIndex([qdrant.QdrantIndex(client, layout.collection, key) for key in layout.keys])


@asynccontextmanager
async def in_memory(_folder):
    """The client's own twin, as one shard."""
    async with qdrant.in_memory(DIMENSION) as index:
        yield ShardedIndex([index])


@asynccontextmanager
async def real(_folder):
    """A real server."""
    async with qdrant.real() as client, qdrant.prepared(client, DIMENSION, SHARDS) as layout:
        yield qdrant.cluster(client, layout)


@pytest.fixture(params=[over_a_socket, shard_by_shard, in_memory, pytest.param(real, marks=qdrant.needs_real_server)])
async def twins(request, scratch):
    """The embedded index and another."""
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(embedded(scratch / "embedded"))
        yield ours, await stack.enter_async_context(request.param(scratch / "other"))


def directions(rng, count):
    """Random unit vectors."""
    vectors = rng.normal(size=(count, DIMENSION)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def points(rng, numbers):
    """Points with fields of every kind."""
    for number, vector in zip(numbers, directions(rng, len(numbers)), strict=True):
        space, document = SPACES[number % 2], f"document-{number // 3}"
        fields = {
            "lang": ("en", "de", "fr")[number % 3],
            "year": number % 5,
            "open": number % 7 == 0,
            "tags": ["x", "y"][: number % 3],
        }
        yield Point(passage_id(document, str(number), space), space, document, vector, fields)


async def check_same(twins, rng, known):
    for query in directions(rng, 8):
        for filters in FILTERS:
            for within in (None, known[::5], []):
                found = [
                    await index.search(SPACES[0], query, 10, filters, within=within, timeout_s=10) for index in twins
                ]
                ours, theirs = (result.hits for result in found)
                assert [hit.passage_id for hit in theirs] == [hit.passage_id for hit in ours], (filters, within)
                assert [hit.score for hit in theirs] == pytest.approx([hit.score for hit in ours], abs=1e-5)


@pytest.mark.filterwarnings("ignore:Local mode performs exact")
async def test_they_find_the_same_after_the_same_writes(twins):
    rng = np.random.default_rng(7)
    first = list(points(rng, range(POINTS)))
    known = [point.passage_id for point in first]
    replaced = list(points(rng, range(0, POINTS, 4)))
    for index in twins:
        await index.upsert(first, timeout_s=30)
    await check_same(twins, rng, known)
    for index in twins:
        await index.upsert(replaced, timeout_s=30)
        await index.delete(known[::9], timeout_s=30)
    await check_same(twins, rng, known)
