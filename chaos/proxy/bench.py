"""`python -m chaos.proxy.bench`: what the fault proxy costs when it does no harm, as a share of going direct.

Three processes, as in an experiment: who asks (this one), the proxy, and who answers. Bytes flow between two ends that
do nothing with them; requests are HTTP/1.1 on kept connections, aiohttp on both ends, as the service calls its models.
Direct and through the proxy take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import aiohttp
import uvloop
from aiohttp import web

from chaos.proxy.address import parse
from chaos.proxy.client import ProxyClient

BLOCK = bytes(64 * 1024)
BULK_BYTES, REPLY = 512 * 1024 * 1024, bytes(1024)
CONNECTIONS, REQUESTS, ROUNDS = 16, 4_000, 5
TARGET = 0.6

Measure = Callable[[str], Awaitable[float]]


async def bytes_per_s(address: str) -> float:
    """One connection, one large reply."""
    reader, writer = await asyncio.open_connection(*parse(address), limit=2**20)
    began_s = time.perf_counter()
    received = 0
    while data := await reader.read(2**20):
        received += len(data)
    writer.close()
    return received / (time.perf_counter() - began_s)


async def requests_per_s(address: str) -> float:
    """Small replies to many connections, each asking again as soon as it has its answer."""
    async with aiohttp.ClientSession(f"http://{address}") as session:
        began_s = time.perf_counter()
        await asyncio.gather(*(_ask(session, REQUESTS // CONNECTIONS) for _ in range(CONNECTIONS)))
        return REQUESTS / (time.perf_counter() - began_s)


async def _ask(session: aiohttp.ClientSession, times: int) -> None:
    for _ in range(times):
        async with session.get("/") as response:
            await response.read()


async def _compare(measure: Measure, direct: str, proxied: str) -> dict[str, float]:
    """Medians over rounds that take turns; the first, which warms up, is not one of them."""
    rounds = [(await measure(direct), await measure(proxied)) for _ in range(ROUNDS + 1)][1:]
    return {
        "direct": statistics.median(each for each, _ in rounds),
        "proxied": statistics.median(each for _, each in rounds),
        "ratio": statistics.median(through / straight for straight, through in rounds),
    }


async def _measure(api: str, upstreams: dict[Measure, str]) -> dict[str, dict[str, float]]:
    figures = {}
    async with ProxyClient(f"http://{api}") as client:
        for measure, upstream in upstreams.items():
            proxied = (await client.create(measure.__name__, "127.0.0.1:0", upstream))["listen"]
            figures[measure.__name__] = await _compare(measure, upstream, proxied)
    return figures


async def _answer() -> None:
    """Serve both kinds until the process is ended."""
    bulk = await asyncio.start_server(_send_bulk, "127.0.0.1", 0)
    app = web.Application()
    app.router.add_get("/", _reply)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    addresses = ("{}:{}".format(*each) for each in (bulk.sockets[0].getsockname(), runner.addresses[0]))
    sys.stdout.write(f"listening on {' '.join(addresses)}\n")
    sys.stdout.flush()
    await bulk.serve_forever()


async def _send_bulk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(BULK_BYTES // len(BLOCK)):
        writer.write(BLOCK)
        await writer.drain()
    writer.close()


async def _reply(request: web.Request) -> web.Response:
    return web.Response(body=REPLY)


@contextmanager
def _child(*arguments: str) -> Iterator[list[str]]:
    """A process that says where it listens."""
    command = [sys.executable, "-m", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603
        try:
            yield (process.stdout or sys.stdin).readline().split()[2:]
        finally:
            process.terminate()


def main() -> None:
    """Measure, print one JSON object, and end with status 1 below the target."""
    parser = argparse.ArgumentParser(prog="python -m chaos.proxy.bench", description=__doc__)
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().answer:
        uvloop.run(_answer())
        return
    with (
        _child("chaos.proxy.bench", "--answer") as (bulk, http),
        _child("chaos.proxy", "--listen", "127.0.0.1:0") as (api,),
    ):
        figures = uvloop.run(_measure(api, {bytes_per_s: bulk, requests_per_s: http}))
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    sys.exit(any(figure["ratio"] < TARGET for figure in figures.values()))


if __name__ == "__main__":
    main()
