"""A dense index on a Qdrant cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from rag.retrieval.dense import Dense
from rag.retrieval.qdrant.collections import Layout, prepare, switch
from rag.retrieval.qdrant.connection import connect
from rag.retrieval.qdrant.points import QdrantIndex


def cluster(url: str, api_key: str | None, layout: Layout, stack: AsyncExitStack) -> Dense:
    """The layout's collection on the server at `url`; nothing is sent before `start`.

    Raises:
        ConfigError: the URL names no server.
    """
    client = connect(url, api_key)
    stack.push_async_callback(client.close)

    async def start() -> None:
        await prepare(client, layout)

    async def publish() -> None:
        await switch(client, layout)

    @asynccontextmanager
    async def frozen() -> AsyncIterator[dict[str, Path]]:
        yield {}  # the points lie on the cluster, which makes its own snapshots

    shards = [QdrantIndex(client, layout.collection, key) for key in layout.keys]
    whole = QdrantIndex(client, layout.collection)
    return Dense([*shards], whole, start, frozen, f"Qdrant, collection {layout.collection}", publish)
