"""The dense index as the composition root puts it together: embedded here, on a cluster in `rag.retrieval.qdrant`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rag.ports import DenseShard
from rag.retrieval import generations
from rag.retrieval.edge import EdgeIndex
from rag.retrieval.optimizer import Optimizer, Quantization
from rag.storage.folder import DataFolder


@dataclass(frozen=True, slots=True)
class Dense:
    """The parts of a dense index, before they are guarded.

    Attributes:
        shards: one for each shard.
        whole: all shards in one request, where there is such a thing.
        start: makes it ready; awaited once, before anything is read or written.
        frozen: holds writes back for a block, which is given name and folder of each shard that lies here.
        engine: what serves it, for people.
        publish: tells other readers of the server that this index is the one to read, where there are any.
    """

    shards: list[DenseShard]
    whole: DenseShard | None
    start: Callable[[], Awaitable[None]]
    frozen: Callable[[], AbstractAsyncContextManager[dict[str, Path]]]
    engine: str
    publish: Callable[[], Awaitable[None]] | None = None


def embedded(
    root: Path,
    folder: DataFolder,
    *,
    shards: int,
    dimension: int,
    quantization: Quantization,
    graph_from: int,
    pool: ThreadPoolExecutor,
    stack: AsyncExitStack,
) -> Dense:
    """Edge shards below `root`, with a graph each once it has more than `graph_from` points.

    Raises:
        DataFolderBusy: another process holds them.
        DataFolderCorrupt: one is missing or cannot be read.
    """
    opened = [_open(root / f"shard-{number}", folder, dimension, pool, stack) for number in range(shards)]
    optimizer = Optimizer(opened, graph_from, quantization)
    stack.push_async_callback(optimizer.aclose)

    async def start() -> None:
        optimizer.start()

    @asynccontextmanager
    async def frozen() -> AsyncIterator[dict[str, Path]]:
        async with AsyncExitStack() as held:
            yield {f"index/shard-{n}": await held.enter_async_context(s.frozen()) for n, s in enumerate(opened)}

    return Dense([*opened], None, start, frozen, "Qdrant Edge")


def _open(home: Path, folder: DataFolder, dimension: int, pool: ThreadPoolExecutor, stack: AsyncExitStack) -> EdgeIndex:
    folder.require(generations.current(home) / "segments")
    shard = EdgeIndex(home, dimension, pool)
    stack.callback(shard.close)
    if shard.points:
        folder.require_format(home)
    return shard
