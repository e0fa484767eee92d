"""The load over HTTP, as Chaos Toolkit's process and the terminal use it."""

import asyncio

import aiohttp
import pytest

from chaos.errors import BadRequest
from chaos.load.server import LoadServer
from chaos.load.traffic import Traffic, TrafficOptions
from chaos.toolkit.calls import call


@pytest.fixture
async def server(stub):
    traffic = Traffic(TrafficOptions(stub.url, 50.0, 1, 5.0), ["why?"])
    async with LoadServer(traffic) as running:
        yield running


def phases_of(server):
    """The phases that requests have been answered in."""
    return {row["phase"] for row in server._traffic.rows(server._traffic.phases())}


async def test_a_run_from_its_first_phase_to_its_rows(server, until):
    for name in ("baseline", "fault", "recovery"):
        await call("POST", f"{server.url}/notes", {"kind": "phase", "name": name})
        await until(lambda name=name: name in phases_of(server))
    figures = await call("GET", f"{server.url}/figures?window_s=2")
    result = await call("POST", f"{server.url}/stop")
    assert figures["phase"] == "recovery"
    assert figures["availability"] == 1.0
    assert [phase["name"] for phase in result["phases"]] == ["baseline", "fault", "recovery"]
    assert {row["phase"] for row in result["rows"]} == {"baseline", "fault", "recovery"}
    assert [event["name"] for event in result["events"]] == ["baseline", "fault", "recovery"]
    assert result["quality"] == {}
    assert result["started_at"] > 1e9


async def test_the_rate_can_be_changed(server):
    assert await call("POST", f"{server.url}/rate", {"factor": 3}) == {"rate_rps": 150.0}
    assert (await call("GET", f"{server.url}/figures"))["rate_rps"] == 150.0


async def test_slow_clients_come_and_go(server):
    await call("POST", f"{server.url}/slow-clients", {"number": 3})
    assert sum(task.get_name() == "slow client" for task in asyncio.all_tasks()) == 3
    await call("DELETE", f"{server.url}/slow-clients")
    assert not any(task.get_name() == "slow client" for task in asyncio.all_tasks())


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("POST", "/rate", {"factor": 0}, "factor must be a number above 0"),
        ("POST", "/rate", {"factor": "x"}, "factor must be a number above 0"),
        ("POST", "/notes", {"kind": "phase"}, "a note has a kind and a name"),
        ("POST", "/notes", {"kind": "phase", "name": "x", "more": 1}, "a note has a kind and a name"),
        ("POST", "/slow-clients", {}, "number must be a number above 0"),
        ("GET", "/figures?window_s=-1", None, "window_s must be a number above 0"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(server, method, path, body, said):
    with pytest.raises(BadRequest, match=said):
        await call(method, f"{server.url}{path}", body)


@pytest.mark.parametrize("data", [b"{", b"[]"])
async def test_a_body_that_is_no_object_is_refused(server, data):
    async with aiohttp.ClientSession() as session, session.post(f"{server.url}/rate", data=data) as response:
        assert response.status == 400
