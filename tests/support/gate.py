"""A moment at which a test holds what runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Gate:
    """Holds the calls of an object's async method until it is opened.

    Attributes:
        open: set it to let the calls go on.
    """

    def __init__(self, part: Any, method: str) -> None:
        self._part = part
        self._method = method
        self._call: Callable[..., Any] = getattr(part, method)
        self._calls = asyncio.Semaphore(0)
        self.open = asyncio.Event()
        setattr(part, method, self)

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._calls.release()
        await self.open.wait()
        return await self._call(*args, **kwargs)

    async def reached(self, calls: int = 1) -> None:
        """Wait until so many more calls have come."""
        for _ in range(calls):
            await self._calls.acquire()

    def remove(self) -> None:
        """Hold no further calls."""
        setattr(self._part, self._method, self._call)
