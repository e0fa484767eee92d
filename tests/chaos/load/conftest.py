import asyncio

import pytest

from evals.load.queue_model import Service
from evals.load.stub_model import StubModel


@pytest.fixture
async def stub():
    """A service that answers in some milliseconds."""
    async with StubModel(Service(service_time_s=0.001, itl_s=0.001, events=2, slots=100)) as running:
        yield running


@pytest.fixture
def until():
    """Let everything else run until `holds()`."""

    async def wait(holds):
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.001)

    return wait
