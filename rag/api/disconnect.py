"""A client that goes away stops the work that was done for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from starlette.types import Message

from rag.errors import ClientGone

#: Answers that come faster are not worth watching for.
GRACE_S = 0.02


class StopOnDisconnect:
    """Cancels the task inside the block when the client disconnects, and leaves the block with `ClientGone`.

    Must be entered after the body was read: the next message of an HTTP connection is then its disconnect.
    """

    def __init__(self, receive: Callable[[], Awaitable[Message]]) -> None:
        self._receive = receive
        self._gone = False

    def __enter__(self) -> StopOnDisconnect:
        self._task = asyncio.current_task()
        self._watch: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(GRACE_S, self._start)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if self._gone and isinstance(error, asyncio.CancelledError) and self._task is not None:
            self._task.uncancel()
            raise ClientGone("the client disconnected") from None

    def _start(self) -> None:
        self._watch = asyncio.ensure_future(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        if self._task is not None:
            self._task.cancel()
