import asyncio

import pytest

from chaos.errors import BadRequest
from chaos.proxy.metrics import Metrics
from chaos.proxy.proxy import Context, Proxy
from chaos.proxy.toxics.toxic import Stream
from tests.support.wired import DOWN, UP, injection

REFUSED = (ConnectionRefusedError,)


@pytest.fixture
async def make():
    """Makes proxies that listen."""
    context = Context(asyncio.get_running_loop(), 1, False, Metrics().traffic)
    made = []

    async def start(upstream, listen="127.0.0.1:0", name="test"):
        proxy = Proxy(context, name, listen, upstream)
        await proxy.start()
        made.append(proxy)
        return proxy

    yield start
    for proxy in made:
        proxy.clear()
        proxy.stop()


async def test_it_connects_clients_to_its_upstream(make, echo, exchange):
    proxy = await make(echo.address)
    data = bytes(range(256)) * 4000
    assert await exchange(proxy.listen, data) == data
    assert proxy._traffic[Stream.UPSTREAM].sent == len(data)


async def test_many_at_once(make, echo, exchange):
    proxy = await make(echo.address)
    data = [bytes([number]) * 100_000 for number in range(50)]
    assert await asyncio.gather(*(exchange(proxy.listen, each) for each in data)) == data
    await settle(lambda: not proxy._connections)


async def test_stopped_it_refuses_and_closes_what_is_open(make, echo, connect):
    proxy = await make(echo.address)
    reader, writer = await connect(proxy.listen)
    writer.write(b"ping")
    assert await reader.readexactly(4) == b"ping"
    proxy.stop()
    proxy.stop()
    assert await reader.read() == b""
    with pytest.raises(REFUSED):
        await connect(proxy.listen)
    await settle(lambda: echo.ended)
    await proxy.start()
    await connect(proxy.listen)


async def test_without_an_upstream_it_closes_the_client(make, connect, unused_tcp_port):
    proxy = await make(f"127.0.0.1:{unused_tcp_port}")
    reader, _ = await connect(proxy.listen)
    assert await reader.read() == b""
    await settle(lambda: not proxy._connections)


async def test_stopped_while_it_dials_it_closes_the_client(make, echo, connect):
    proxy = await make(echo.address)
    accepted = asyncio.Event()
    dial = proxy._dial

    async def never(connection):
        accepted.set()
        await asyncio.Event().wait()
        await dial(connection)

    proxy._dial = never
    reader, _ = await connect(proxy.listen)
    await accepted.wait()
    proxy.stop()
    assert await reader.read() == b""
    await settle(lambda: not proxy._dials)


async def test_a_client_that_left_while_it_dials_is_heard_to_the_end(make, echo, connect):
    proxy = await make(echo.address)
    gate, dial = asyncio.Event(), proxy._dial

    async def late(connection):
        await gate.wait()
        await dial(connection)

    proxy._dial = late
    _, writer = await connect(proxy.listen)
    writer.write(b"last words")
    writer.close()
    await writer.wait_closed()
    gate.set()
    await settle(lambda: echo.ended)
    await settle(lambda: not proxy._connections)


async def test_an_address_in_use_is_told_as_by_toxiproxy(make, echo):
    proxy = await make(echo.address)
    with pytest.raises(BadRequest, match=f"^listen tcp {proxy.listen}: bind: address already in use$") as refused:
        await make(echo.address, proxy.listen)
    assert refused.value.status == 500


async def test_an_upstream_is_an_address(make):
    with pytest.raises(BadRequest, match="is not host:port"):
        await make("upstream")


async def test_another_address_closes_and_moves(make, echo, connect, exchange):
    proxy = await make(echo.address)
    before = proxy.listen
    reader, _ = await connect(before)
    await proxy.update(listen="localhost:0", upstream=echo.address, enabled=True)
    assert await reader.read() == b""
    assert proxy.listen not in (before, "localhost:0")
    assert await exchange(proxy.listen) == b"ping"
    await proxy.update(listen=proxy.listen, upstream=echo.address, enabled=False)
    with pytest.raises(REFUSED):
        await connect(proxy.listen)


async def test_the_same_address_otherwise_written_changes_nothing(make, echo, connect):
    proxy = await make(echo.address)
    reader, writer = await connect(proxy.listen)
    await proxy.update(listen=proxy.listen.replace("127.0.0.1", "localhost"), upstream=echo.address, enabled=True)
    writer.write(b"ping")
    assert await reader.readexactly(4) == b"ping"


async def test_toxics_reach_open_connections_and_leave_them(make, echo, connect):
    proxy = await make(echo.address)
    reader, writer = await connect(proxy.listen)
    proxy.add(injection("latency", latency=10_000))
    writer.write(b"held")
    await settle(lambda: proxy._traffic[DOWN].received == 4)
    assert proxy._traffic[DOWN].sent == 0
    proxy.remove("latency_downstream")
    assert await reader.readexactly(4) == b"held"


async def test_toxics_wait_for_new_connections(make, echo, exchange):
    proxy = await make(echo.address)
    limit = injection("limit_data", bytes=2)
    proxy.add(limit)
    assert await exchange(proxy.listen) == b"pi"
    limit.toxic = limit.toxic.model_copy(update={"bytes": 3})
    proxy.changed(limit)
    assert await exchange(proxy.listen) == b"pin"


async def test_a_reset_is_a_reset(make, echo, connect):
    proxy = await make(echo.address)
    proxy.add(injection("reset_peer", UP))
    reader, writer = await connect(proxy.listen)
    writer.write(b"ping")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    await settle(lambda: echo.ended == ["ConnectionResetError"])


async def test_a_toxic_goes_by_itself_when_its_duration_is_over(make, echo):
    proxy = await make(echo.address)
    proxy.add(injection("latency", UP, duration_ms=10))
    again = injection("latency", duration_ms=3_600_000)
    proxy.add(again)
    assert len(proxy.toxics()) == 2
    await settle(lambda: [each["stream"] for each in proxy.toxics()] == ["downstream"])
    again.duration_ms = 1
    proxy.changed(again)
    await settle(lambda: not proxy.toxics())
    assert not proxy._ends


async def test_a_toxic_that_is_removed_takes_its_end_along(make, echo):
    proxy = await make(echo.address)
    proxy.add(injection("latency", duration_ms=20))
    proxy.remove("latency_downstream")
    proxy.add(injection("latency"))
    await asyncio.sleep(0.05)
    assert proxy.toxics()


async def test_names_of_toxics_are_its_own(make, echo):
    proxy = await make(echo.address)
    proxy.add(injection("latency"))
    for call, status in ((lambda: proxy.add(injection("latency")), 409), (lambda: proxy.remove("none"), 404)):
        with pytest.raises(BadRequest) as refused:
            call()
        assert refused.value.status == status


async def test_toxics_are_shown_upstream_first(make, echo):
    proxy = await make(echo.address)
    for stream, name in ((DOWN, "a"), (UP, "b"), (DOWN, "c")):
        proxy.add(injection("latency", stream, name=name))
    assert [each["name"] for each in proxy.as_json()["toxics"]] == ["b", "a", "c"]


async def settle(condition):
    """Wait until it is so."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what other ends of sockets do sets no event
            await asyncio.sleep(0.001)
