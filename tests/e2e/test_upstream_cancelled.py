"""A client that leaves: whatever was at work for it is told within 100 ms, and by the stub model's own account."""

import asyncio
import time
from statistics import median

import pytest

from evals.load.queue_model import Service as ModelTimes
from evals.load.stub_model import StubModel
from rag.api.app import create_app
from rag.compose import compose
from rag.settings import load_settings
from rag.telemetry.metrics import Metrics
from rag.types import ANONYMOUS, Space
from tests.support.chat import ROUTE, chat_body
from tests.support.corpus import DOCUMENTS, QUESTION
from tests.support.seams import Seams, hangs
from tests.support.web import client_of

STOPPED_WITHIN_S = 0.1
#: A median of so many: the machine may pause for reasons of its own.
TIMES = 3
#: A model that says its first word at once, or late, and never comes to its last.
SPEAKS = ModelTimes(service_time_s=0.0, events=100_000)
SILENT = ModelTimes(service_time_s=600.0)


@pytest.fixture
async def model():
    async with StubModel(SPEAKS) as stub:
        yield stub


@pytest.fixture
def seams():
    return Seams()


@pytest.fixture
async def http(scratch, model_folder, model, seams):
    """A client of a service in this process, whose small model is the stub behind a real socket."""
    settings = load_settings(
        data_dir=scratch,
        cache_dir=model_folder.parent.parent,
        index={"shards": 1},
        limits={"min_free_bytes": 0},
        models={"small": f"{model.url}/v1#{model.model}"},
    )
    service = await compose(settings, wrap=seams.wrap)
    await service.writer.put(Space(ANONYMOUS.tenant, "default"), DOCUMENTS)
    seams.mend()  # ingestion embeds too
    async with client_of(create_app(service, Metrics())) as client:
        yield client
    await service.aclose()


async def until(true):
    """Wait for something that happens elsewhere on this loop."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the stub sets no events
            await asyncio.sleep(0)


def asking(http, *, stream):
    return asyncio.create_task(http.post(ROUTE, json=chat_body(QUESTION, stream=stream, cache="no-store")))


async def leave(request, *, stream):
    """The client closes its connection; the moment at which it did."""
    if stream:
        (await request).close()
    else:
        request.cancel()
    return time.monotonic()


async def stopped_s(model, request, *, stream):
    """Seconds from the client's leaving until the model's server had stopped its work, by its own account."""
    left_at = await leave(request, stream=stream)
    served = model.served[-1]
    await until(lambda: served.outcome != "running")
    assert served.outcome == "aborted"
    assert model.queue.running == 0
    return served.arrived_at + served.ended_s - left_at


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "JSON"])
async def test_a_model_that_speaks(http, model, stream):
    took_s = []
    for number in range(TIMES):
        request = asking(http, stream=stream)
        await until(lambda n=number: len(model.served) > n and model.served[n].first_event_s is not None)
        took_s.append(await stopped_s(model, request, stream=stream))
    assert median(took_s) < STOPPED_WITHIN_S


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "JSON"])
async def test_a_model_that_is_silent_yet(http, model, stream):
    model.queue.service = SILENT
    took_s = []
    for _ in range(TIMES):
        request = asking(http, stream=stream)
        await until(lambda: model.queue.running == 1)
        took_s.append(await stopped_s(model, request, stream=False))  # no response has begun that could be closed
    assert median(took_s) < STOPPED_WITHIN_S
    assert len(model.served) == TIMES


@pytest.mark.parametrize("seam", ["embedder", "lexical", "index:0", "store"])
@pytest.mark.parametrize("route", [ROUTE, "/v1/search"])
async def test_a_part_of_retrieval(http, model, seams, seam, route):
    seams.fault(seam, hangs)
    body = chat_body(QUESTION, cache="no-store") if route == ROUTE else {"query": QUESTION}
    request = asyncio.create_task(http.post(route, json=body))
    await until(lambda: seams.calls(seam))
    request.cancel()
    left_at = asyncio.get_running_loop().time()
    await until(lambda: seams.cancelled[seam])
    assert seams.cancelled[seam][0] - left_at < STOPPED_WITHIN_S
    assert not model.served
