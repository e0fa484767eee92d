"""Ending what runs in the background."""

from __future__ import annotations

import asyncio

END_AGAIN_S = 0.1


async def end(task: asyncio.Task[None]) -> None:
    """Cancel the task until it has ended: redis-py 8.1 loses a cancellation in four."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=END_AGAIN_S)
