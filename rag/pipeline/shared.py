"""A value that is computed at most once, when somebody first needs it, and shared by all who do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Call it to await the value; leaving the context stops a computation that nobody finished waiting for."""

    def __init__(self, compute: Callable[[], Awaitable[T]]) -> None:
        self._compute = compute
        self._task: asyncio.Future[T] | None = None

    async def __call__(self) -> T:
        """The value.

        Raises:
            Exception: whatever the computation raised, to each who asks.
        """
        if self._task is None:
            self._task = asyncio.ensure_future(self._compute())
        return await asyncio.shield(self._task)

    def __enter__(self) -> Shared[T]:
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
