"""The real parts that activities reach: a fault proxy, and the load of a stub model."""

import asyncio

import pytest

from chaos.load.server import LoadServer
from chaos.load.traffic import Traffic, TrafficOptions
from chaos.proxy.client import ProxyClient
from chaos.proxy.server import Server
from evals.load.queue_model import Service
from evals.load.stub_model import StubModel


@pytest.fixture
async def stub():
    async with StubModel(Service(service_time_s=0.001, itl_s=0.001, events=2, slots=100)) as running:
        yield running


@pytest.fixture
async def traffic(stub):
    return Traffic(TrafficOptions(stub.url, 50.0, 1, 5.0, expected_labels=["dense-unavailable"]), ["why?"])


@pytest.fixture
async def proxy(stub):
    """A fault proxy with one connection, "qdrant", to something that answers."""
    async with Server() as server, ProxyClient(server.url) as client:
        await client.create("qdrant", "127.0.0.1:0", stub.url.removeprefix("http://"))
        yield server


@pytest.fixture
async def configuration(stub, traffic, proxy):
    """As an experiment has it; there is no lab."""
    async with LoadServer(traffic) as load:
        yield {"url": stub.url, "proxy_url": proxy.url, "load_url": load.url, "control_url": ""}


@pytest.fixture
def do():
    """Run an activity as Chaos Toolkit does: in a thread of its own."""

    async def run(activity, *args, **kwargs):
        return await asyncio.to_thread(activity, *args, **kwargs)

    return run


@pytest.fixture
def until():
    """Let everything else run until `holds()`."""

    async def wait(holds):
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.001)

    return wait
