import asyncio
import json
from random import Random

import pytest

from chaos.errors import CannotRun
from chaos.proxy.server import Server


async def test_it_tells_where_it_is_and_closes_what_it_opened(echo, connect):
    async with Server() as server:
        assert server.url == f"http://127.0.0.1:{server.address.port}"
        await connect(str(server.address))
        await server.populate(json.dumps([{"name": "test", "upstream": echo.address}]))
        listen = server.proxies.find("test").listen
        reader, _ = await connect(listen)
    assert await reader.read() == b""
    for address in (listen, str(server.address)):
        with pytest.raises(ConnectionRefusedError):
            await connect(address)


async def test_proxies_that_cannot_be_had_are_told(server):
    with pytest.raises(CannotRun, match=r"^--config: missing required field: name at proxy 1$"):
        await server.populate("[{}]")


@pytest.mark.parametrize("listen", ["nonsense", "192.0.2.1:8474"])
async def test_an_address_that_is_none_of_ours_is_told(listen):
    with pytest.raises(CannotRun, match=f"^--listen {listen}: "):
        async with Server(listen):
            pytest.fail("it listens")


async def test_an_address_in_use_is_told(server):
    with pytest.raises(CannotRun, match="address already in use"):
        async with Server(str(server.address)):
            pytest.fail("it listens")


async def test_the_seed_repeats_the_faults(echo, exchange):
    toxic = json.dumps({"type": "limit_data", "toxicity": 0.5, "attributes": {"bytes": 0}})

    async def run(seed):
        async with Server(seed=seed) as server:
            made = await server.proxies.create(json.dumps({"name": "test", "upstream": echo.address}))
            server.proxies.add_toxic("test", toxic)
            return [await exchange(made["listen"]) for _ in range(20)]

    assert await run(1) == await run(1)
    assert await run(1) != await run(2)
    assert set(await run(1)) == {b"", b"ping"}


async def test_a_large_exchange_survives_toxics_that_come_and_go(server, echo, exchange):
    made = await server.proxies.create(json.dumps({"name": "test", "upstream": echo.address}))
    steady = {"type": "bandwidth", "name": "steady", "stream": "upstream", "attributes": {"rate": 10_000}}
    server.proxies.add_toxic("test", json.dumps(steady))  # so that it lasts as long as the rest
    data, random = Random(0).randbytes(8_000_000), Random(1)
    asking = asyncio.create_task(exchange(made["listen"], data))
    rounds = 0
    while not asking.done():
        rounds += 1
        kind, attributes = random.choice(
            [
                ("latency", {"latency": 5, "jitter": 5}),
                ("bandwidth", {"rate": 50_000}),
                ("slicer", {"average_size": 20_000, "size_variation": 10_000, "delay": 100}),
                ("slow_close", {"delay": 20}),
            ]
        )
        toxic = {"type": kind, "stream": random.choice(["upstream", "downstream"]), "attributes": attributes}
        name = server.proxies.add_toxic("test", json.dumps(toxic))["name"]
        await asyncio.sleep(0.005)
        server.proxies.change_toxic("test", name, json.dumps({"toxicity": random.choice([0, 1])}))
        await asyncio.sleep(0.002)
        server.proxies.find("test").remove(name)
    assert await asking == data
    assert rounds > 5
