"""What can go wrong; that it works is shown on a whole lab, in test_lab."""

import os
import sys

import aiohttp
import pytest

from chaos.faults.process import Child
from chaos.lab.addresses import HOST, free_ports
from chaos.lab.control import Control
from chaos.lab.journal import Journal

STALL = {"seam": "index:0", "kind": "stall"}


@pytest.fixture
async def child(tmp_path):
    """One that runs, and serves nothing."""

    async def answers():
        return True

    command = [sys.executable, "-c", "input()"]
    made = Child("api-0", command, answers, env=dict(os.environ), log=tmp_path / "log")
    yield made
    await made.stop()


@pytest.fixture
async def http(child, tmp_path):
    port, nobody = free_ports(2)
    control = Control({"api-0": child}, {"api-0": nobody}, tmp_path, lambda: {"url": "http://lab"})
    await control.start(port)
    async with aiohttp.ClientSession(f"http://{HOST}:{port}") as client:
        yield client
    await control.aclose()


async def say(sent):
    async with sent as response:
        return response.status, await response.json()


async def test_addresses_and_states(http, child):
    states = {"api-0": {"pid": None, "state": "ended"}}
    assert await say(http.get("/")) == (200, {"url": "http://lab", "children": states})


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "the body is no JSON"),
        (b"[]", "the body is no JSON object"),
        (b'{"seam": "index:0", "kind": "fire"}', "'latency', 'error', 'stall'"),
        (b'{"seam": "index:0", "kind": "stall", "colour": 1}', "colour: Extra inputs"),
    ],
)
async def test_what_is_no_fault_is_refused(http, body, told):
    status, answer = await say(http.post("/faults", data=body))
    assert status == 400
    assert told in answer["error"]


@pytest.mark.parametrize(
    ("state", "why"), [("ended", "ended"), ("paused", "paused"), ("running", "ClientConnectorError")]
)
async def test_a_fault_that_reaches_no_replica_is_none(http, child, monkeypatch, state, why):
    monkeypatch.setattr(child, "state", state)
    status, told = await say(http.post("/faults", json=STALL))
    assert (status, told) == (503, {"error": f"the fault reached no replica: {{'api-0': '{why}'}}"})


@pytest.mark.parametrize(("state", "status"), [("ended", 200), ("paused", 503), ("running", 503)])
async def test_a_fault_is_gone_only_where_somebody_says_so(http, child, monkeypatch, state, status):
    monkeypatch.setattr(child, "state", state)
    assert (await say(http.delete("/faults")))[0] == status


async def test_what_cannot_be_done_to_a_process_is_told(http):
    status, told = await say(http.post("/processes/redis/stop"))
    assert (status, told) == (400, {"error": "no child is called 'redis'; there are api-0"})
    status, told = await say(http.post("/processes/api-0/feed"))
    assert (status, told) == (400, {"error": "a process cannot 'feed'; it can stop, cont, kill and restart"})
    status, told = await say(http.post("/processes/api-0/stop"))
    assert (status, told) == (503, {"error": "api-0 does not run"})


async def test_events_since_a_moment(http, tmp_path, clock):
    journal = Journal(tmp_path, "lab", clock.now)
    journal.note("process", "redis", "paused")
    clock.advance(1)
    journal.note("process", "redis", "running")
    journal.close()
    _, events = await say(http.get("/events"))
    assert [event["detail"] for event in events] == ["paused", "running"]
    assert await say(http.get("/events", params={"since": events[0]["at"]})) == (200, events[1:])
    assert (await say(http.get("/events?since=noon")))[0] == 400
