import asyncio
import json

import pytest

from chaos.errors import BadRequest
from chaos.proxy.metrics import Metrics
from chaos.proxy.proxies import Proxies
from chaos.proxy.proxy import Context

LISTEN = "127.0.0.1:0"


@pytest.fixture
async def proxies():
    collection = Proxies(Context(asyncio.get_running_loop(), 1, False, Metrics().traffic))
    yield collection
    collection.close()


async def create(proxies, upstream, name="test", **fields):
    return await proxies.create(json.dumps({"name": name, "listen": LISTEN, "upstream": upstream, **fields}))


def add(proxies, proxy="test", **fields):
    return proxies.add_toxic(proxy, json.dumps({"type": "latency", **fields}))


async def test_a_proxy_is_created_shown_and_deleted(proxies, echo, exchange):
    made = await create(proxies, echo.address)
    assert made == {"name": "test", "listen": made["listen"], "upstream": echo.address, "enabled": True, "toxics": []}
    assert proxies.index() == {"test": made}
    assert await exchange(made["listen"]) == b"ping"
    await proxies.delete("test")
    assert proxies.index() == {}
    with pytest.raises(ConnectionRefusedError):
        await exchange(made["listen"])


async def test_a_proxy_that_cannot_listen_is_none(proxies, echo):
    listen = (await create(proxies, echo.address))["listen"]
    with pytest.raises(BadRequest, match="already in use"):
        await create(proxies, echo.address, "other", listen=listen)
    assert list(proxies.index()) == ["test"]


async def test_two_at_once_of_one_name_are_one(proxies, echo):
    made = await asyncio.gather(*(create(proxies, echo.address) for _ in range(2)), return_exceptions=True)
    assert [type(each) for each in made] == [dict, BadRequest]


async def test_a_disabled_proxy_listens_when_it_is_enabled(proxies, echo, exchange):
    made = await create(proxies, echo.address, enabled=False)
    assert (made["enabled"], made["listen"]) == (False, LISTEN)
    made = await proxies.update("test", '{"enabled": true}')
    assert made["enabled"]
    assert await exchange(made["listen"]) == b"ping"


async def test_a_proxy_that_is_deleted_while_it_starts_is_gone(proxies, echo, exchange):
    made = await create(proxies, echo.address)
    await proxies.update("test", '{"enabled": false}')
    await asyncio.gather(proxies.update("test", '{"enabled": true}'), proxies.delete("test"))
    assert proxies.index() == {}
    with pytest.raises(ConnectionRefusedError):
        await exchange(made["listen"])


async def test_reset_enables_all_and_takes_toxics_away(proxies, echo, exchange):
    await create(proxies, echo.address, enabled=False)
    add(proxies, attributes={"latency": 3_600_000})
    await proxies.reset()
    shown = proxies.index()["test"]
    assert (shown["enabled"], shown["toxics"]) == (True, [])
    assert await exchange(shown["listen"]) == b"ping"


class TestPopulate:
    """`POST /populate`."""

    async def populate(self, proxies, *bodies):
        applied = []
        await proxies.populate(json.dumps(bodies), applied)
        return applied

    async def test_it_adds_and_leaves_the_same_alone(self, proxies, echo):
        made = await create(proxies, echo.address)
        add(proxies)
        same = {"name": "test", "listen": made["listen"], "upstream": echo.address}
        applied = await self.populate(proxies, same, {"name": "more", "upstream": echo.address, "enabled": False})
        assert [each["name"] for each in applied] == ["test", "more"]
        assert [each["enabled"] for each in applied] == [True, False]
        assert len(applied[0]["toxics"]) == 1

    async def test_another_address_replaces_with_its_toxics(self, proxies, echo, exchange):
        made = await create(proxies, echo.address)
        add(proxies)
        (applied,) = await self.populate(proxies, {"name": "test", "listen": LISTEN, "upstream": echo.address})
        assert applied["toxics"] == []
        assert applied["listen"] != made["listen"]
        with pytest.raises(ConnectionRefusedError):
            await exchange(made["listen"])

    async def test_a_fault_of_form_touches_nothing(self, proxies, echo):
        with pytest.raises(BadRequest, match="missing required field: upstream at proxy 2"):
            await self.populate(proxies, {"name": "a", "upstream": echo.address}, {"name": "b"})
        assert proxies.index() == {}

    async def test_what_was_done_before_a_failure_is_told(self, proxies, echo):
        taken = (await create(proxies, echo.address))["listen"]
        applied = []
        bodies = [{"name": "a", "upstream": echo.address}, {"name": "b", "upstream": echo.address, "listen": taken}]
        with pytest.raises(BadRequest, match="already in use"):
            await proxies.populate(json.dumps(bodies), applied)
        assert [each["name"] for each in applied] == ["a"]

    @pytest.mark.parametrize("text", ["null", "[]"])
    async def test_nothing_is_nothing(self, proxies, text):
        applied = []
        await proxies.populate(text, applied)
        assert applied == []

    async def test_it_is_a_list(self, proxies):
        with pytest.raises(BadRequest, match="not a JSON array"):
            await proxies.populate("{}", [])


class TestToxics:
    """Adding and changing."""

    @pytest.fixture(autouse=True)
    async def _proxy(self, proxies, echo):
        await create(proxies, echo.address)

    async def test_defaults(self, proxies):
        shown = add(proxies)
        assert (shown["name"], shown["stream"], shown["toxicity"]) == ("latency_downstream", "downstream", 1.0)
        assert "duration" not in shown
        assert add(proxies, stream="UPSTREAM")["name"] == "latency_UPSTREAM"

    async def test_null_attributes_are_the_defaults(self, proxies):
        assert add(proxies, attributes=None)["attributes"] == {"latency": 0, "jitter": 0}
        assert add(proxies, name="b", attributes={"latency": None, "jitter": 5})["attributes"]["jitter"] == 5

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"stream": "sideways"}, "stream was invalid"),
            ({"type": "lag"}, "invalid toxic type"),
            ({"type": None}, "invalid toxic type"),
            ({"attributes": {"latency": 1.5}}, "bad request body: latency: "),
        ],
    )
    async def test_faults_of_form_add_nothing(self, proxies, fields, told):
        with pytest.raises(BadRequest, match=f"^{told}") as refused:
            add(proxies, **fields)
        assert refused.value.status == 400
        assert proxies.find("test").toxics() == []

    async def test_a_change_keeps_what_is_not_given(self, proxies):
        add(proxies, attributes={"latency": 5, "jitter": 1}, toxicity=0.5, duration=100_000)
        changed = proxies.change_toxic("test", "latency_downstream", '{"attributes": {"latency": 7}}')
        assert changed["attributes"] == {"latency": 7, "jitter": 1}
        assert (changed["toxicity"], changed["duration"]) == (0.5, 100_000)
        assert proxies.change_toxic("test", "latency_downstream", "null") == changed
        changed = proxies.change_toxic("test", "latency_downstream", '{"toxicity": 1, "duration": 0}')
        assert (changed["toxicity"], "duration" in changed) == (1.0, False)

    async def test_a_change_that_fails_changes_nothing(self, proxies):
        before = add(proxies)
        with pytest.raises(BadRequest):
            proxies.change_toxic("test", before["name"], '{"toxicity": 0, "attributes": {"latency": "1"}}')
        assert proxies.find("test").toxics() == [before]


async def test_what_is_not_there_is_told(proxies, echo):
    with pytest.raises(BadRequest, match=r"^proxy not found$"):
        await proxies.delete("none")
    with pytest.raises(BadRequest, match=r"^proxy not found$"):
        await proxies.update("none", "")
    for call in (lambda: proxies.find("none"), lambda: add(proxies, "none")):
        with pytest.raises(BadRequest, match=r"^proxy not found$") as refused:
            call()
        assert refused.value.status == 404
    await create(proxies, echo.address)
    with pytest.raises(BadRequest, match=r"^toxic not found$"):
        proxies.change_toxic("test", "none", "{}")
