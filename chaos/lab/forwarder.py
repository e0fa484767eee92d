"""One address for users over several replicas, as a Kubernetes Service gives it.

Connections, not requests, are spread: each goes to a replica that was ready when it came. What runs already is left
alone when a replica is not ready any more. While none is ready, connections are reset.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

import aiohttp

from chaos.errors import CannotRun
from chaos.lab.addresses import HOST
from rag.tasks import end

#: What a look at `/ready` may take, and how many must fail in a row: as k8s/base/api.yaml has it.
PROBE_TIMEOUT_S, MISSES = 5.0, 2
#: Between two looks; shorter than there, so that an experiment does not wait for the probe.
POLL_S = 0.25
CONNECT_TIMEOUT_S = 1.0
READY_S = 30.0
CHUNK_BYTES = 1 << 16


class Forwarder:
    """Listens on one port and hands connections on.

    Args:
        replicas: name -> port on the loopback.
        observe: told of a replica's name, and whether it is ready.
    """

    def __init__(
        self, replicas: Mapping[str, int], observe: Callable[[str, bool], None] = lambda _name, _ready: None
    ) -> None:
        self._replicas = dict(replicas)
        self._observe = observe
        self._ready: list[str] = []
        self._leaving: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._complete = asyncio.Event()
        self._server: asyncio.Server | None = None

    @property
    def ready(self) -> frozenset[str]:
        """The replicas that connections go to."""
        return frozenset(self._ready)

    async def start(self, port: int) -> None:
        """Follow the replicas until `aclose`; once all of them are ready, listen.

        Raises:
            CannotRun: one of them is not, after `READY_S`.
        """
        for name in self._replicas:
            self._spawn(self._follow(name))
        try:
            await asyncio.wait_for(self._complete.wait(), READY_S)
        except TimeoutError:
            missing = ", ".join(self._replicas.keys() - self.ready)
            raise CannotRun(f"not ready after {READY_S:.0f} s: {missing}") from None
        self._server = await asyncio.start_server(self._take, HOST, port, backlog=1024)

    async def aclose(self) -> None:
        """Stop listening, and end the connections."""
        if self._server is not None:
            self._server.close()
        while running := [task for task in self._tasks if not task.done()]:
            for task in running:
                await end(task)

    def leave(self, name: str) -> None:
        """Send nobody to the replica, which is about to end, until it is told to have come back."""
        self._leaving.add(name)
        self._turn(name, ready=False)

    def come_back(self, name: str) -> None:
        """Send users to the replica, which has said that it is ready, from this moment on."""
        self._leaving.discard(name)
        self._turn(name, ready=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward a connection, and give it up however that ends: a task that is cancelled at once never begins."""

        def give_up(_task: asyncio.Task[None]) -> None:
            if not writer.is_closing():
                writer.transport.abort()

        self._spawn(self._forward(reader, writer)).add_done_callback(give_up)

    def _turn(self, name: str, *, ready: bool) -> None:
        if ready == (name in self._ready):
            return
        if ready:
            self._ready.append(name)
        else:
            self._ready.remove(name)
        self._observe(name, ready)
        if self.ready == self._replicas.keys():
            self._complete.set()

    async def _follow(self, name: str) -> None:
        misses = 0
        timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S)
        url = f"http://{HOST}:{self._replicas[name]}/ready"
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                if await _is_ready(session, url):
                    misses = 0
                    self._turn(name, ready=name not in self._leaving)
                else:
                    misses += 1
                    if misses >= MISSES:
                        self._turn(name, ready=False)
                await asyncio.sleep(POLL_S)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await self._connect()
        if upstream is None:
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, upstream[1]))
                both.create_task(_pump(upstream[0], writer))
            writer.close()  # all was sent both ways
        except* OSError:
            pass  # one side is gone: so is the other
        finally:
            upstream[1].transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to the next replica that takes one."""
        for _ in range(len(self._ready)):
            if not self._ready:
                return None
            name = self._ready.pop(0)
            self._ready.append(name)
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    return await asyncio.open_connection(HOST, self._replicas[name])
        return None


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
