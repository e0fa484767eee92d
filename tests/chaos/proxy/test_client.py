import pytest

from chaos.errors import BadRequest
from chaos.proxy.client import ProxyClient


@pytest.fixture
async def client(server):
    async with ProxyClient(server.url) as opened:
        yield opened


async def test_proxies_come_change_and_go(client, echo, exchange):
    made = await client.create("a/b", "127.0.0.1:0", echo.address)
    assert await exchange(made["listen"]) == b"ping"
    assert (await client.update("a/b", enabled=False))["enabled"] is False
    assert list(await client.proxies()) == ["a/b"]
    await client.reset()
    assert (await client.proxies())["a/b"]["enabled"] is True
    await client.delete("a/b")
    assert await client.proxies() == {}


async def test_toxics_come_change_and_go(client, echo, exchange):
    listen = (await client.create("test", "127.0.0.1:0", echo.address))["listen"]
    await client.add("test", {"type": "limit_data", "name": "li/mit", "attributes": {"bytes": 1}})
    assert await exchange(listen) == b"p"
    changed = await client.change("test", "li/mit", attributes={"bytes": 2}, duration=60_000)
    assert changed["duration"] == 60_000
    assert await exchange(listen) == b"pi"
    await client.remove("test", "li/mit")
    assert await exchange(listen) == b"ping"


async def test_a_refusal_is_told_with_its_status(client):
    with pytest.raises(BadRequest, match="proxy not found") as refused:
        await client.delete("none")
    assert refused.value.status == 404
