"""One server among those of a model: how it is, and what it was given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Protocol

from router.backends.health import ServerLoad
from router.errors import ModelUnreachable
from router.ports import ChatBackend
from router.types import Chunk, Prompt

#: Looks in a row that a server may leave unanswered: a busy one may miss one.
MISSED_LOOKS = 2
#: Share of the KV cache in use from which on a further request pushes out what others need, or waits.
CROWDED_KV_USE = 0.95
#: After so many seconds a request that is done counts half towards the work that a server had.
HALF_LIFE_S = 10.0


class Server(ChatBackend, Protocol):
    """A back end that is one server."""

    async def look(self, *, timeout_s: float) -> ServerLoad | None:
        """How it is; None if it does not answer or is not well."""


class Replica:
    """A server, the requests that we have there, and what it last said of itself.

    Args:
        address: its name among the replicas.
        server: the server.
        clock: seconds, never running backwards.

    Attributes:
        reported: what it last said; None until it said anything.
        lost: whether it answered once and does no longer.
    """

    def __init__(self, address: str, server: Server, clock: Callable[[], float]) -> None:
        self.address = address
        self.reported: ServerLoad | None = None
        self.lost = False
        self._server = server
        self._clock = clock
        self._in_flight = 0
        self._others = 0
        self._done = 0.0
        self._done_at = clock()
        self._missed = 0
        self._on_loss = asyncio.Event()

    @property
    def load(self) -> int:
        """Its requests as far as we know: ours, and those of others at the last look."""
        return self._in_flight + self._others

    @property
    def work(self) -> float:
        """Its load with what it had of late: by that a chance burst is no imbalance, a lasting one is."""
        return self.load + self._of_late()

    @property
    def crowded(self) -> bool:
        """Whether its KV cache is full."""
        return self.reported is not None and self.reported.kv_use >= CROWDED_KV_USE

    async def look(self, *, timeout_s: float) -> None:
        """Ask it how it is. One that never answered is not taken for lost: it may have no health to tell of."""
        load = await self._server.look(timeout_s=timeout_s)
        if load is not None:
            self.reported, self._missed, self.lost = load, 0, False
            self._others = max(0, load.requests - self._in_flight)
            return
        self._missed += 1
        if self.reported is not None and self._missed >= MISSED_LOOKS and not self.lost:
            self.lost = True
            self._on_loss.set()
            self._on_loss = asyncio.Event()

    async def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        """As `ChatBackend.stream`; a server that is lost before its first token is not waited for.

        Raises:
            ModelError: see the tree in `router.errors`.
        """
        self._in_flight += 1
        try:
            async with aclosing(self._server.stream(prompt, timeout_s=timeout_s)) as chunks:
                first = await self._first(chunks)
                if first is not None:
                    yield first
                async for chunk in chunks:
                    yield chunk
        finally:
            self._in_flight -= 1
            self._done, self._done_at = self._of_late() + 1, self._clock()

    async def aclose(self) -> None:
        """Give back its connections."""
        await self._server.aclose()

    def _of_late(self) -> float:
        return float(self._done * 0.5 ** ((self._clock() - self._done_at) / HALF_LIFE_S))

    async def _first(self, chunks: AsyncGenerator[Chunk, None]) -> Chunk | None:
        """The first chunk; None when there is none at all."""
        first = asyncio.ensure_future(anext(chunks, None))
        loss = asyncio.ensure_future(self._on_loss.wait())
        try:
            await asyncio.wait((first, loss), return_when=asyncio.FIRST_COMPLETED)
            if first.done():
                return first.result()
            raise ModelUnreachable(f"{self.address} stopped answering", model=self._server.name)
        finally:
            first.cancel()
            loss.cancel()
            await asyncio.gather(first, loss, return_exceptions=True)
