"""Ports of the loopback for servers that will be started, and started again."""

from __future__ import annotations

import asyncio
import random
import socket
from contextlib import ExitStack, suppress

import aiohttp

HOST = "127.0.0.1"
#: Below the ports that the kernel gives to outgoing connections: one of those may not take the port of a server
#: in the moment between its end and its next start.
FROM, TO = 10_000, 32_000
PROBE_TIMEOUT_S = 1.0


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on."""
    chosen: list[int] = []
    with ExitStack() as held:
        while len(chosen) < count:
            probe = held.enter_context(socket.socket())
            port = random.SystemRandom().randrange(FROM, TO)
            with suppress(OSError):
                probe.bind((HOST, port))
                chosen.append(port)
    return chosen


async def accepts(port: int) -> bool:
    """Whether somebody takes connections there."""
    return await says(port, b"", b"")


async def says(port: int, asked: bytes, answer: bytes) -> bool:
    """Whether who listens there answers the bytes with these."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(asked)
                return await reader.readexactly(len(answer)) == answer
            finally:
                writer.close()
    except (OSError, EOFError, TimeoutError):
        return False


async def is_well(url: str) -> bool:
    """Whether a GET of the URL is answered with 200."""
    timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
