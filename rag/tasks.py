"""Waiting with a limit, and ending what runs in the background."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

END_AGAIN_S = 0.1
#: Parts in which a `Patience` measures its time out.
TICKS = 8


class Patience:
    """`asyncio.timeout` for what another process may take: what this loop is late does not count against it.

    A loop that was held up finds its timers due before it has read what arrived meanwhile, and a healthy dependency
    looks slow. Here the time is measured out in `TICKS` parts, each of them a turn of the loop at least: one in which
    the loop was held up counts once, however long that took.

    Args:
        seconds: the limit.

    Raises:
        TimeoutError: on leaving the block, when the limit was reached.
    """

    __slots__ = ("_left", "_limit", "_loop", "_step_s", "_timer")

    def __init__(self, seconds: float) -> None:
        self._limit = asyncio.timeout(None)
        self._step_s = seconds / TICKS
        self._left = TICKS

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._step_s, self._tick)
        await self._limit.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await self._limit.__aexit__(kind, error, traceback)

    def expired(self) -> bool:
        """Whether the limit was reached."""
        return self._limit.expired()

    def _tick(self) -> None:
        self._left -= 1
        if self._left:
            self._timer = self._loop.call_later(self._step_s, self._tick)
        else:
            self._limit.reschedule(self._loop.time())


async def end(task: asyncio.Task[None]) -> None:
    """Cancel the task until it has ended: redis-py 8.1 loses a cancellation in four."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=END_AGAIN_S)
