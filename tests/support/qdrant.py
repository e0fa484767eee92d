"""Qdrant for tests: the lab server on a socket, the client's in-memory twin, and a real server where there is one."""

import os
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from qdrant_client import AsyncQdrantClient
from qdrant_client.models import Distance, VectorParams

from chaos.lab.qdrant.server import serving
from rag.retrieval.qdrant.collections import Layout, prepare
from rag.retrieval.qdrant.connection import connect
from rag.retrieval.qdrant.points import QdrantIndex
from rag.retrieval.sharded import ShardedIndex

#: Names a real server, as `qdrant://host:6334`; its collections that begin with `steadyrag-test` come and go.
REAL_URL = "STEADYRAG_TEST_QDRANT_URL"
needs_real_server = pytest.mark.skipif(not os.environ.get(REAL_URL), reason=f"{REAL_URL} names no Qdrant server")


@asynccontextmanager
async def connected(url, api_key=None):
    """A client that is closed again."""
    client = connect(url, api_key)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def lab(folder):
    """A lab server and a client of it."""
    async with serving(folder) as server, connected(server.url) as client:
        yield server, client


@asynccontextmanager
async def real():
    """A client of the real server."""
    async with connected(os.environ[REAL_URL]) as client:
        yield client


@asynccontextmanager
async def prepared(client, dimension, shards=2):
    """The layout of a collection that is made for the block, under a name of its own."""
    layout = Layout(f"steadyrag-test-{uuid4().hex}", "Toy/Model_1", dimension, shards)
    await prepare(client, layout)
    try:
        yield layout
    finally:
        await client.delete_collection(layout.collection)


@asynccontextmanager
async def in_memory(dimension):
    """An index over the client's own twin, which knows no shard keys."""
    client = AsyncQdrantClient(":memory:")
    await client.create_collection("points", vectors_config=VectorParams(size=dimension, distance=Distance.COSINE))
    try:
        yield QdrantIndex(client, "points")
    finally:
        await client.close()


def cluster(client, layout):
    """The index as the service asks it: the whole first, then its shards."""
    shards = [QdrantIndex(client, layout.collection, key) for key in layout.keys]
    return ShardedIndex(shards, QdrantIndex(client, layout.collection))
