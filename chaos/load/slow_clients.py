"""Clients that send and read a few bytes a second, beside the measured load: others must not feel them."""

from __future__ import annotations

import asyncio

import orjson
from yarl import URL

#: Bytes at a time, and the pause between two: a request takes a minute to come, so that their number, and not the load
#: that they are, is what is felt of them.
PIECE_BYTES, PAUSE_S = 5, 1.0


class SlowClients:
    """A crowd of them, each of which begins again when it is done.

    Args:
        url: the service.
    """

    def __init__(self, url: str) -> None:
        self._url = URL(url)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, number: int) -> None:
        """Add so many."""
        self._tasks += [asyncio.create_task(self._ask_for_ever(), name="slow client") for _ in range(number)]

    async def stop(self) -> None:
        """Send them away."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask_for_ever(self) -> None:
        while True:
            try:
                await self._ask()
            except OSError:  # turned away, which a server may do with such clients
                await asyncio.sleep(PAUSE_S)

    async def _ask(self) -> None:
        reader, writer = await asyncio.open_connection(self._url.host, self._url.port, limit=PIECE_BYTES)
        try:
            request = _request(self._url)
            for start in range(0, len(request), PIECE_BYTES):
                writer.write(request[start : start + PIECE_BYTES])
                await writer.drain()
                await asyncio.sleep(PAUSE_S)
            while await reader.read(PIECE_BYTES):  # noqa: ASYNC110 - it is the bytes that are waited for
                await asyncio.sleep(PAUSE_S)
        finally:
            writer.close()


def _request(url: URL) -> bytes:
    body = orjson.dumps(
        {"model": "steadyrag", "stream": True, "messages": [{"role": "user", "content": "When does a breaker open?"}]}
    )
    path = url.path.rstrip("/").removesuffix("/v1") + "/v1/chat/completions"
    head = f"POST {path} HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
