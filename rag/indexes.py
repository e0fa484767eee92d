"""The indexes that the settings name: the part of the composition root that knows what serves search."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import ConfigError
from rag.ports import LexicalIndex
from rag.retrieval.analysis import Analyzer
from rag.retrieval.dense import Dense, embedded
from rag.retrieval.lexical import LocalLexicalIndex
from rag.retrieval.optimizer import Quantization
from rag.settings import Settings
from rag.storage.folder import DataFolder

if TYPE_CHECKING:
    from rag.retrieval.qdrant.collections import Layout

QDRANT = ("qdrant://", "qdrants://")
#: The lexical indexes that there are, and what is in them.
LEXICAL = {"memory:": "rank-bm25's model", "qdrant:": "sparse vectors on Qdrant"}


async def lexical_index(
    settings: Settings, dimension: int, pool: ThreadPoolExecutor, stack: AsyncExitStack, *, newest: int, shared: bool
) -> LexicalIndex:
    """The index of `LEXICAL__URL`, ready; it still has to catch up with the log.

    Args:
        settings: which one.
        dimension: of the dense vectors, beside which one on Qdrant lies.
        pool: where it works.
        stack: closes it.
        newest: the log's position here.
        shared: whether others write to the log, so that what they share may be ahead of it.

    Raises:
        ConfigError: there is no such index, or not with this `INDEX__URL`.
        Unavailable: the server does not answer.
    """
    url, server = settings.lexical.url, settings.index
    if url not in LEXICAL:
        raise ConfigError(f"STEADYRAG_LEXICAL__URL={url!r}: use {' or '.join(LEXICAL)}")
    if url == "memory:":
        local = LocalLexicalIndex(settings.data_dir / "lexical.db", Analyzer(), pool, newest)
        stack.push_async_callback(local.aclose)
        return local
    if not server.url.startswith(QDRANT):
        raise ConfigError(
            f"STEADYRAG_LEXICAL__URL={url!r} needs STEADYRAG_INDEX__URL=qdrant://host:6334, which is {server.url!r}"
        )
    with _qdrant_client():
        from rag.retrieval.qdrant.lexical import lexical  # noqa: PLC0415
    layout = _layout(settings, dimension)
    return await lexical(server.url, server.api_key, layout, stack, pool=pool, newest=None if shared else newest)


def dense_index(
    settings: Settings, folder: DataFolder, dimension: int, pool: ThreadPoolExecutor, stack: AsyncExitStack
) -> Dense:
    """The index of `INDEX__URL`, to be started.

    Raises:
        ConfigError: there is no such index, or a part of it is missing from the data folder.
    """
    chosen = settings.index
    if chosen.url.startswith(QDRANT):
        with _qdrant_client():
            from rag.retrieval.qdrant.cluster import cluster  # noqa: PLC0415
        return cluster(chosen.url, chosen.api_key, _layout(settings, dimension), stack)
    scheme, _, place = chosen.url.partition(":")
    if scheme != "edge":
        raise ConfigError(f"STEADYRAG_INDEX__URL={chosen.url!r}: use edge:, edge:FOLDER or qdrant://host:6334")
    return embedded(
        Path(place) if place else settings.data_dir / "index",
        folder,
        shards=chosen.shards,
        dimension=dimension,
        quantization=_quantization(settings),
        graph_from=chosen.graph_from,
        pool=pool,
        stack=stack,
    )


async def qdrant_version(settings: Settings, *, timeout_s: float) -> str:
    """The version of the Qdrant that the settings name, once it has answered.

    Raises:
        ConfigError: there is no client, or the URL names no server.
        Unavailable: the server does not answer, or not to us.
    """
    with _qdrant_client():
        from rag.retrieval.qdrant.connection import version  # noqa: PLC0415
    return await version(settings.index.url, settings.index.api_key, timeout_s=timeout_s)


@contextmanager
def _qdrant_client() -> Iterator[None]:
    """Say what to install where imports fail: the client is an extra, which only Qdrant needs."""
    try:
        yield
    except ImportError:
        raise ConfigError("STEADYRAG_INDEX__URL needs Qdrant's client; run: pip install 'steadyrag[qdrant]'") from None


def _layout(settings: Settings, dimension: int) -> Layout:
    """What the collections on Qdrant are made of."""
    with _qdrant_client():
        from rag.retrieval.qdrant.collections import Layout  # noqa: PLC0415
    chosen = settings.index
    return Layout(
        chosen.collection,
        settings.embedder.model,
        dimension,
        chosen.shards,
        chosen.replication_factor,
        chosen.write_consistency_factor,
        quantization=_quantization(settings),
    )


def _quantization(settings: Settings) -> Quantization:
    return "int8" if settings.index.quantization == "int8" else "none"
