"""A moment at which a test holds what runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Gate:
    """Holds the calls of an object's async method until it is opened.

    Attributes:
        reached: set when the first call came.
        open: set it to let the calls go on.
    """

    def __init__(self, part: Any, method: str) -> None:
        self._part = part
        self._method = method
        self._call: Callable[..., Any] = getattr(part, method)
        self.reached = asyncio.Event()
        self.open = asyncio.Event()
        setattr(part, method, self)

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.reached.set()
        await self.open.wait()
        return await self._call(*args, **kwargs)

    def remove(self) -> None:
        """Hold no further calls."""
        setattr(self._part, self._method, self._call)
