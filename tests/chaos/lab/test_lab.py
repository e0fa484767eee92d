"""A whole lab, asked and broken. One lab for all: each test leaves it whole."""

import asyncio
import time

import aiohttp
import pytest

from chaos.errors import CannotRun
from chaos.lab.lab import Lab
from chaos.lab.options import LabOptions
from tests.support.chat import ROUTE, chat_body
from tests.support.corpus import QUESTION
from tests.support.processes import alive

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def ask(url, question=QUESTION, **extras):
    """The status, and what the answer says of itself or the error that came instead; on a connection of its own."""
    extras.setdefault("cache", "no-store")
    connector = aiohttp.TCPConnector(force_close=True)
    body = chat_body(question, **extras)
    async with aiohttp.ClientSession(connector=connector) as http, http.post(f"{url}{ROUTE}", json=body) as response:
        told = await response.json()
        return response.status, told.get("steadyrag", told)


async def questions(url, asked):
    """Those answers, one after another."""
    return [await ask(url, question, cache="default") for question in asked]


async def control(lab, method, path, **body):
    url = f"{lab.control_url}{path}"
    async with aiohttp.ClientSession() as http, http.request(method, url, json=body or None) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def breakers(lab, since):
    """Breakers that opened since that moment, on any replica."""
    events = await control(lab, "GET", f"/events?since={since}")
    return {each["name"] for each in events if (each["kind"], each["detail"]) == ("breaker", "open")}


async def until_whole(lab):
    """Wait until each replica gives whole answers again."""
    async with asyncio.timeout(30):
        for url in lab.addresses()["replicas"].values():
            while (await ask(url))[1].get("degraded") != []:
                pass


async def test_a_question_is_answered_by_the_documents_and_a_model(lab):
    status, told = await ask(lab.url)
    assert (status, told["answered"], told["degraded"]) == (200, True, [])
    assert told["route"]["model"] in {"small", "large"}


async def test_every_replica_has_the_documents(lab):
    for url in lab.addresses()["replicas"].values():
        assert (await ask(url))[1]["answered"]


async def test_the_address_tells_all(lab):
    told = await control(lab, "GET", "/")
    assert told["url"] == lab.url
    assert {name: each["state"] for name, each in told["children"].items()} == dict.fromkeys(lab.children, "running")


async def test_another_lab_in_the_same_folder_is_refused(lab, beir):
    with pytest.raises(CannotRun, match="another lab runs in"):
        async with Lab(LabOptions(folder=lab.folder, data=beir)):
            pass


async def test_a_fault_at_a_seam_is_met_noted_and_gone(lab):
    began = time.time()
    told = await control(lab, "POST", "/faults", seam="index*", kind="error")
    assert told["replicas"] == {"api-0": "ok", "api-1": "ok"}
    for url in lab.addresses()["replicas"].values():
        status, said = await ask(url)
        assert (status, said["degraded"]) == (200, ["dense-unavailable"])
    await control(lab, "DELETE", f"/faults/{told['name']}")
    await until_whole(lab)
    events = await control(lab, "GET", f"/events?since={began}")
    for replica in ("api-0", "api-1"):
        kinds = [each["kind"] for each in events if each["source"] == replica and each["name"] == told["name"]]
        assert kinds == ["fault-on", "fault-off"]


async def test_a_fault_at_the_proxy_is_met_by_the_replicas(lab):
    """Every connection passes the proxy: with Qdrant's closed there, BM25 answers alone."""
    async with aiohttp.ClientSession(lab.proxy_url) as proxy:
        async with proxy.post("/proxies/qdrant", json={"enabled": False}) as response:
            assert response.status == 200
        status, told = await ask(lab.url)
        assert (status, told["degraded"]) == (200, ["dense-unavailable"])
        async with proxy.post("/reset") as response:
            assert response.status == 204
    await until_whole(lab)


async def test_redis_that_stands_still_costs_nobody_an_answer(lab):
    began = time.time()
    await control(lab, "POST", "/processes/redis/stop")
    try:
        users = [questions(lab.url, [f"How tall is tower {user}-{n}?" for n in range(15)]) for user in range(4)]
        answers = [answer for each in await asyncio.gather(*users) for answer in each]
    finally:
        await control(lab, "POST", "/processes/redis/cont")
    assert not [told for status, told in answers if status != 200]
    assert "cache-unavailable" in {label for _, told in answers for label in told["degraded"]}
    assert "cache" in await breakers(lab, began)
    events = await control(lab, "GET", f"/events?since={began}")
    assert [each["detail"] for each in events if each["name"] == "redis"] == ["paused", "running"]


async def test_a_rolling_restart_costs_nobody_an_answer(lab):
    before = {name: lab.children[name].pid for name in ("api-0", "api-1")}
    stop = asyncio.Event()

    async def asking():
        answers = []
        while not stop.is_set():
            answers.append(await ask(lab.url))
        return answers

    async def restarting():
        for name in before:
            await control(lab, "POST", f"/processes/{name}/restart")
        stop.set()

    *users, _ = await asyncio.gather(asking(), asking(), asking(), restarting())
    answers = [answer for user in users for answer in user]
    assert not [told for status, told in answers if status != 200]
    assert len(answers) > 20
    assert not [pid for pid in before.values() if alive(pid)]
    assert all(lab.children[name].pid != pid for name, pid in before.items())


async def test_a_proxy_that_was_killed_stands_in_front_of_everything_again(lab):
    await control(lab, "POST", "/processes/proxy/kill")
    with pytest.raises(aiohttp.ClientConnectionError):
        await ask(lab.url)
    await control(lab, "POST", "/processes/proxy/restart")
    await until_whole(lab)
    assert (await ask(lab.url))[0] == 200


async def test_without_a_replica_there_is_no_lab():
    with pytest.raises(CannotRun, match="at least one replica"):
        Lab(LabOptions(replicas=0))
