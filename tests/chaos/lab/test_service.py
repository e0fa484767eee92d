import pytest
from fastapi import FastAPI

from chaos.faults.registry import Faults
from chaos.lab import service as module
from chaos.lab.service import _patiently, add_fault_routes
from rag.errors import ConfigError, DependencyFailed
from tests.support.web import client_of


class Part:
    async def search(self, *, timeout_s):
        return "found"


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture
async def http(faults):
    faults.wrap("index:0", Part())
    app = FastAPI()
    add_fault_routes(app, faults)
    async with client_of(app) as client:
        yield client


async def say(sent):
    async with sent as response:
        return response.status, await response.json()


async def test_faults_come_and_go(http, faults):
    slow = {"seam": "index:*", "kind": "latency", "delay_s": 2}
    told = {"seam": "index:*", "share": 1.0, "duration_s": None, "kind": "latency", "delay_s": 2.0, "jitter_s": 0.0}
    assert await say(http.post("/lab/faults/slow", json=slow)) == (200, {"slow": told})
    status, standing = await say(http.post("/lab/faults/stuck", json={"seam": "index:0", "kind": "stall"}))
    assert (status, set(standing)) == (200, {"slow", "stuck"})
    assert await say(http.get("/lab/faults")) == (200, standing)
    assert await say(http.delete("/lab/faults/stuck")) == (200, {"slow": told})
    assert await say(http.delete("/lab/faults")) == (200, {})
    assert not faults.standing


@pytest.mark.parametrize("fault", [{"seam": "index:0"}, {"seam": "index:1", "kind": "stall"}])
async def test_a_fault_that_cannot_be_is_refused(http, faults, fault):
    status, told = await say(http.post("/lab/faults/x", json=fault))
    assert status == 400
    assert told["error"]
    assert not faults.standing


async def test_it_waits_for_what_it_needs_and_for_nothing_else(monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 0.0)
    tries = iter([DependencyFailed("Redis cannot be reached"), DependencyFailed("Qdrant does not answer"), None])

    async def make():
        if error := next(tries):
            raise error
        return "service"

    assert await _patiently(make) == "service"

    async def wrong():
        raise ConfigError("no such index")

    with pytest.raises(ConfigError, match="no such index"):
        await _patiently(wrong)
