"""Keeps the answers of this process in step with a store: what is put here is written behind, what others put is read.

The store is the truth of what was stored. When it does not know a position any more (it was emptied, or this process
was away for long), this process takes over all that is there and lets go of the rest.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing
from typing import Protocol

from rag.errors import SteadyragError
from rag.ports import CacheStore, Dropped, Kept
from rag.tasks import end

log = logging.getLogger(__name__)

#: Between two looks at what others stored: how far a replica may be behind.
BEAT_S = 0.1
#: Pause after a look that failed.
RETRY_PAUSE_S = 0.5
#: Records that wait to be written; past them the oldest are given up, and the store is read anew once it answers.
MAX_WAITING = 1_000
WRITE_AT_ONCE = 100
TIMEOUT_S = 2.0

Record = Kept | Dropped


class Taker(Protocol):
    """Where the answers of the store go."""

    async def take(self, records: Sequence[Record]) -> None:
        """Take the records in, in order; a name that is known changes nothing."""

    def retain(self, names: Collection[str]) -> None:
        """Let go of all that the store could have told of under other names."""


class Replication:
    """Writes behind, and follows.

    Args:
        store: what is kept in step with.
        taker: where its answers go.
    """

    def __init__(self, store: CacheStore, taker: Taker) -> None:
        self._store = store
        self._taker = taker
        self._waiting: deque[tuple[str, Callable[[], Record]]] = deque()
        self._overflowed = False
        self._position: str | None = None
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def write(self, name: str, make: Callable[[], Record]) -> None:
        """Have the record of that name, which is made on a thread, written soon."""
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self._overflowed = True
        self._waiting.append((name, make))

    def start(self) -> None:
        """Keep in step until `aclose`."""
        self._task = asyncio.create_task(self._beat_on(), name="cache-replication")

    async def aclose(self) -> None:
        """Write what still waits, if that is quickly done, and stop."""
        if self._task is None:
            return
        await end(self._task)
        try:
            await self.flush(timeout_s=TIMEOUT_S)
        except SteadyragError as error:
            log.warning("%d stored answers were not written: %s", len(self._waiting), error.message)

    async def flush(self, *, timeout_s: float) -> None:
        """Write what waits.

        Raises:
            SteadyragError: the store failed; it waits on.
        """
        async with self._turn:
            while self._waiting:
                part = [self._waiting.popleft() for _ in range(min(WRITE_AT_ONCE, len(self._waiting)))]
                try:
                    records = await asyncio.to_thread(_made, [make for _, make in part])
                    await self._store.write(records, timeout_s=timeout_s)
                except BaseException:
                    self._waiting.extendleft(reversed(part))
                    raise

    async def catch_up(self, *, timeout_s: float) -> None:
        """Take in what others stored.

        Raises:
            SteadyragError: the store failed.
        """
        await self.flush(timeout_s=timeout_s)
        async with self._turn:
            if self._overflowed:
                self._overflowed, self._position = False, None
            while self._position is not None:
                news = await self._store.news(self._position, timeout_s=timeout_s)
                if news is None:
                    self._position = None
                    break
                await self._taker.take(news.records)
                self._position = news.position
                if not news.records:
                    return
            await self._take_everything(timeout_s)

    async def _take_everything(self, timeout_s: float) -> None:
        names: set[str] = set()
        position = None
        async with aclosing(self._store.everything(timeout_s=timeout_s)) as pages:
            async for page in pages:
                await self._taker.take(page.records)
                names.update(record.name for record in page.records)
                position = page.position
        # what was put meanwhile is not in the store yet
        self._taker.retain(names.union(name for name, _ in self._waiting))
        self._position = position

    async def _beat_on(self) -> None:
        while True:
            try:
                await self.catch_up(timeout_s=TIMEOUT_S)
            except Exception as error:  # noqa: BLE001 - whatever it is, keeping in step must go on: it is logged
                log.warning("the answer cache is out of step with its store: %s", error)
                await asyncio.sleep(RETRY_PAUSE_S)
            await asyncio.sleep(BEAT_S)


def _made(makers: Sequence[Callable[[], Record]]) -> list[Record]:
    return [make() for make in makers]
