import asyncio

import aiohttp
import pytest
from aiohttp import web

from chaos.errors import CannotRun
from chaos.lab import forwarder as module
from chaos.lab.addresses import HOST, free_ports
from chaos.lab.forwarder import Forwarder


class Replica:
    """Says its name; `ready` and `held` are for the test to change."""

    def __init__(self, name, port):
        self.name, self.port = name, port
        self.ready = True
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self._runner = None

    async def start(self):
        app = web.Application()
        app.router.add_get("/ready", self._is_ready)
        app.router.add_route("*", "/", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self.port, reuse_address=True).start()

    async def stop(self):
        await self._runner.cleanup()

    async def _is_ready(self, _):
        return web.Response(status=200 if self.ready else 503)

    async def _answer(self, request):
        self.asked.set()
        await self.open.wait()
        return web.Response(body=self.name.encode() + await request.read())


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "POLL_S", 0.005)


@pytest.fixture
async def replicas():
    made = [Replica(f"api-{n}", port) for n, port in enumerate(free_ports(2))]
    for replica in made:
        await replica.start()
    yield made
    for replica in made:
        await replica.stop()


@pytest.fixture
async def turned():
    """The changes that a forwarder tells of."""
    return asyncio.Queue()


@pytest.fixture
async def service(replicas, turned):
    """The forwarder over both replicas, and where it listens."""
    made = Forwarder({each.name: each.port for each in replicas}, lambda *change: turned.put_nowait(change))
    (port,) = free_ports(1)
    await made.start(port)
    assert {await turned.get(), await turned.get()} == {("api-0", True), ("api-1", True)}
    made.url = f"http://{HOST}:{port}/"
    yield made
    await made.aclose()


async def ask(url, body=b""):
    """On a connection of its own."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session, session.post(url, data=body) as response:
        return (await response.read()).decode()


async def test_connections_go_to_each_in_turn(service):
    assert sorted([await ask(service.url) for _ in range(6)]) == ["api-0"] * 3 + ["api-1"] * 3


async def test_large_bodies_pass_both_ways(service):
    body = b"x" * 1_000_000
    assert await ask(service.url, body) in {f"api-{n}{body.decode()}" for n in range(2)}


async def test_who_is_not_ready_gets_nobody_until_it_is(service, replicas, turned):
    replicas[0].ready = False
    assert await turned.get() == ("api-0", False)
    assert {await ask(service.url) for _ in range(4)} == {"api-1"}
    replicas[0].ready = True
    assert await turned.get() == ("api-0", True)
    assert {await ask(service.url) for _ in range(4)} == {"api-0", "api-1"}


async def test_who_is_gone_costs_nobody_anything(service, replicas, turned):
    await replicas[0].stop()
    assert {await ask(service.url) for _ in range(4)} == {"api-1"}
    assert await turned.get() == ("api-0", False)
    await replicas[0].start()
    assert await turned.get() == ("api-0", True)


async def test_while_none_is_ready_connections_are_reset(service, replicas, turned):
    for replica in replicas:
        replica.ready = False
    assert {await turned.get(), await turned.get()} == {("api-0", False), ("api-1", False)}
    with pytest.raises(aiohttp.ClientConnectionError):
        await ask(service.url)


async def test_who_is_about_to_leave_gets_nobody_but_finishes_what_it_has(service, replicas, turned):
    for replica in replicas:
        replica.open.clear()
    asking = [asyncio.create_task(ask(service.url)) for _ in range(2)]
    await asyncio.gather(*(replica.asked.wait() for replica in replicas))
    service.leave("api-0")
    assert service.ready == {"api-1"}
    for replica in replicas:
        replica.open.set()
    assert sorted(await asyncio.gather(*asking)) == ["api-0", "api-1"]
    assert {await ask(service.url) for _ in range(4)} == {"api-1"}
    service.come_back("api-0")
    assert service.ready == {"api-0", "api-1"}
    assert {await ask(service.url) for _ in range(4)} == {"api-0", "api-1"}


async def test_a_user_who_leaves_is_noticed_behind_it(service, replicas):
    gone = asyncio.Event()

    class Watching(asyncio.Protocol):
        def connection_lost(self, _):
            gone.set()

    for replica in replicas:
        await replica.stop()
    servers = [
        await asyncio.get_running_loop().create_server(Watching, HOST, each.port, reuse_address=True)
        for each in replicas
    ]
    _, writer = await asyncio.open_connection(HOST, int(service.url.rstrip("/").rpartition(":")[2]))
    writer.write(b"GET / HTTP/1.1\r\n")
    await writer.drain()
    writer.close()
    await gone.wait()
    for server in servers:
        server.close()
    for replica in replicas:
        await replica.start()


async def test_a_replica_that_never_is_ready_is_named(monkeypatch):
    monkeypatch.setattr(module, "READY_S", 0.05)
    nobody, port = free_ports(2)
    made = Forwarder({"api-0": nobody})
    with pytest.raises(CannotRun, match="not ready after 0 s: api-0"):
        await made.start(port)
    await made.aclose()
