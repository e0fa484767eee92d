"""Actions on a real fault proxy, a real load, and children of a real lab's interface."""

import sys

import pytest
from redis.asyncio import Redis

from chaos.errors import BadRequest
from chaos.faults.process import Child
from chaos.lab.addresses import HOST, free_ports
from chaos.lab.control import Control
from chaos.load.traffic import FAULT_OFF, FAULT_ON, PHASE
from chaos.proxy.client import ProxyClient
from chaos.toolkit import actions
from chaos.toolkit.calls import call
from tests.support.redis_server import running

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def kinds(traffic):
    return [(event.kind, event.name) for event in traffic.events]


async def qdrant(proxy):
    async with ProxyClient(proxy.url) as client:
        return (await client.proxies())["qdrant"]


async def test_a_phase_is_noted_and_lasts(do, configuration, traffic):
    await do(actions.phase, "baseline", 0.0, configuration)
    assert kinds(traffic) == [(PHASE, "baseline")]


async def test_a_toxic_comes_and_goes_and_goes_again(do, configuration, proxy, traffic):
    await do(actions.add_toxic, "qdrant", "latency", configuration, attributes={"latency": 50})
    (toxic,) = (await qdrant(proxy))["toxics"]
    assert (toxic["name"], toxic["type"], toxic["attributes"]["latency"]) == ("chaos-latency", "latency", 50)
    for _ in range(2):
        await do(actions.remove_toxic, "qdrant", "latency", configuration)
    assert (await qdrant(proxy))["toxics"] == []
    assert kinds(traffic) == [(FAULT_ON, "qdrant: latency"), (FAULT_OFF, "qdrant: latency")]
    assert traffic.events[0].detail == "latency 50"


async def test_a_toxic_of_others_stays(do, configuration, proxy):
    async with ProxyClient(proxy.url) as client:
        await client.add("qdrant", {"name": "theirs", "type": "latency", "attributes": {"latency": 1}})
        await do(actions.add_toxic, "qdrant", "latency", configuration)
        await do(actions.remove_toxic, "qdrant", "latency", configuration)
    assert [toxic["name"] for toxic in (await qdrant(proxy))["toxics"]] == ["theirs"]


async def test_a_connection_is_cut_and_mended(do, configuration, proxy, traffic):
    await do(actions.cut_connection, "qdrant", configuration)
    assert (await qdrant(proxy))["enabled"] is False
    await do(actions.mend_connection, "qdrant", configuration)
    await do(actions.mend_connection, "qdrant", configuration)
    assert (await qdrant(proxy))["enabled"] is True
    assert kinds(traffic) == [(FAULT_ON, "qdrant: down"), (FAULT_OFF, "qdrant: down")]


async def test_what_the_proxy_does_not_know_is_an_error_and_no_fault(do, configuration, traffic):
    with pytest.raises(BadRequest, match="404"):
        await do(actions.add_toxic, "nothing", "latency", configuration)
    with pytest.raises(BadRequest, match="400"):
        await do(actions.add_toxic, "qdrant", "nothing", configuration)
    assert kinds(traffic) == []


async def test_the_load_rises_and_falls(do, configuration, traffic):
    await do(actions.spike, 10, configuration)
    assert traffic.factor == 10
    await do(actions.end_spike, configuration)
    assert traffic.factor == 1
    assert kinds(traffic) == [(FAULT_ON, "load"), (FAULT_OFF, "load")]


async def test_slow_clients_come_and_go(do, configuration, traffic):
    await do(actions.start_slow_clients, 2, configuration)
    await do(actions.stop_slow_clients, configuration)
    assert kinds(traffic) == [(FAULT_ON, "slow clients"), (FAULT_OFF, "slow clients")]


@pytest.fixture
async def lab(configuration, tmp_path):
    """A lab's interface with one child that serves nothing, and no replica; (configuration, child)."""

    async def runs():
        return True

    child = Child("redis", SLEEPER, runs, env={}, log=tmp_path / "redis.log")
    await child.start()
    (port,) = free_ports(1)
    control = Control({"redis": child}, {}, tmp_path, dict)
    await control.start(port)
    yield {**configuration, "control_url": f"http://{HOST}:{port}"}, child
    await control.aclose()
    await child.stop()


async def test_a_process_is_paused_and_goes_on(do, lab, traffic):
    configuration, child = lab
    await do(actions.pause_process, "redis", configuration)
    assert child.state == "paused"
    for _ in range(2):
        await do(actions.resume_process, "redis", configuration)
    assert child.state == "running"
    assert kinds(traffic) == [(FAULT_ON, "redis: paused"), (FAULT_OFF, "redis: paused")]


async def test_a_process_is_killed_and_started_again(do, lab, traffic):
    configuration, child = lab
    pid = child.pid
    await do(actions.kill_process, "redis", configuration)
    assert child.state == "ended"
    await do(actions.restart_process, "redis", configuration)
    assert (child.state, child.pid == pid) == ("running", False)
    assert kinds(traffic) == [(FAULT_ON, "redis: killed"), (FAULT_OFF, "redis: killed")]


async def test_replicas_are_restarted_in_whole_rounds(do, lab, traffic):
    configuration, child = lab
    pid = child.pid
    await do(actions.rolling_restart, ["redis"], 0.01, configuration)
    assert (child.state, child.pid == pid) == ("running", False)
    assert kinds(traffic) == [(FAULT_ON, "rolling restart"), (FAULT_OFF, "rolling restart")]


async def test_a_process_that_there_is_not_is_an_error(do, lab, traffic):
    with pytest.raises(BadRequest, match="no child is called 'nothing'"):
        await do(actions.pause_process, "nothing", lab[0])
    assert kinds(traffic) == []


async def test_faults_at_seams_need_a_replica(do, lab, traffic):
    with pytest.raises(BadRequest, match="no replica"):
        await do(actions.add_faults, ["index:0"], "latency", lab[0], {"delay_s": 1})
    assert kinds(traffic) == []


async def test_faults_need_a_lab(do, configuration):
    with pytest.raises(BadRequest, match="no control_url"):
        await do(actions.remove_faults, ["index:0"], "latency", configuration)


async def test_redis_is_emptied(do, configuration, traffic, tmp_path):
    with running(tmp_path) as redis:
        async with Redis.from_url(redis.url) as client:
            await client.set("key", "value")
            await do(actions.flush_redis, {**configuration, "redis_url": redis.url})
            assert await client.dbsize() == 0
    await do(actions.end_flush, configuration)
    assert kinds(traffic) == [(FAULT_ON, "redis: flushed"), (FAULT_OFF, "redis: flushed")]


async def test_calls_to_the_load_are_seen_by_it(configuration):
    assert (await call("GET", f"{configuration['load_url']}/figures"))["phase"] == "warm-up"
