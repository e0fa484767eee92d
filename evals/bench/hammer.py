"""A closed loop of raw requests over kept-alive connections.

Lighter than any HTTP client, so that the server is what is measured.
"""

from __future__ import annotations

import asyncio
import re
import time

import uvloop

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def hammer(port: int, path: str, body: bytes, connections: int, seconds: float) -> float:
    """Requests per second that the server on the loopback port answers with 200.

    Raises:
        RuntimeError: an answer was not 200.
    """
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return uvloop.run(_hammer(port, head.encode() + body, connections, seconds))


async def _hammer(port: int, request: bytes, connections: int, seconds: float) -> float:
    end = time.perf_counter() + seconds
    start = time.perf_counter()
    counts = await asyncio.gather(*(_connection(port, request, end) for _ in range(connections)))
    return sum(counts) / (time.perf_counter() - start)


async def _connection(port: int, request: bytes, end: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    try:
        while time.perf_counter() < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            found = _LENGTH.search(head)
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"not a 200: {head[:200]!r}")
            if found is None:  # a stream: its last chunk is empty
                await reader.readuntil(b"\r\n0\r\n\r\n")
            else:
                await reader.readexactly(int(found.group(1)))
            count += 1
    finally:
        writer.close()
    return count
