"""Keeps the shards quick as they grow: builds their search graphs in the background, one shard at a time."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rag.errors import DependencyFailed
from rag.retrieval.edge import EdgeIndex

Quantization = Literal["int8", "none"]

#: Seconds between two looks at the shards.
PAUSE_S = 2.0
#: A graph is built again when this share of its points came after it: the whole work stays a few times the last one's.
GROWTH = 0.2

log = logging.getLogger(__name__)


class Optimizer:
    """Watches shards from `start` to `aclose`.

    Args:
        shards: what to watch.
        threshold: points without a graph that a shard may have; they are searched one by one.
        quantization: whether graphs are searched by int8 vectors, rescored by the exact ones.
    """

    def __init__(self, shards: Sequence[EdgeIndex], threshold: int, quantization: Quantization) -> None:
        self._shards = shards
        self._threshold = threshold
        self._quantization = quantization
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._watching = asyncio.create_task(self._watch())

    async def aclose(self) -> None:
        """Stop; a graph that is not ready is given up, and the shard stays as it is."""
        if self._watching:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    async def run_once(self) -> int:
        """Build the graphs that are due; says how many.

        Raises:
            DependencyFailed: one could not be built; its shard stays as it is.
        """
        due = [shard for shard in self._shards if await self._is_due(shard)]
        for shard in due:
            await shard.rebuild(lambda folder, dimension: build(folder, dimension, self._quantization))
        return len(due)

    async def _is_due(self, shard: EdgeIndex) -> bool:
        points, indexed = await shard.size()
        return points - indexed > max(self._threshold, GROWTH * indexed)

    async def _watch(self) -> None:
        while True:
            try:
                await self.run_once()
            except DependencyFailed as error:  # searches go on without the graph, and the next look tries again
                log.warning("the search graph of a shard was not built: %s", error.message)
            await asyncio.sleep(PAUSE_S)


async def build(folder: Path, dimension: int, quantization: Quantization) -> None:
    """Build the graph of the shard in `folder`, which nobody has open, in a child process.

    Raises:
        DependencyFailed: the child failed.
    """
    arguments = ("-m", "rag.retrieval.graph", str(folder), str(dimension), quantization)
    child = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        _, said = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    if child.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:] or [f"exit status {child.returncode}"]
        raise DependencyFailed(f"building the graph of {folder} failed: {last[0]}")
