import asyncio
import math

import aiohttp
import openai
import pytest

from chaos.proxy.toxics.sse_stall import SseStall, SseStallStage
from chaos.proxy.toxics.toxic import Stream
from evals.load.queue_model import Service
from evals.load.stub_model import StubModel
from tests.support.faulted import RecordedLine, faulted, tell

UP, DOWN = Stream.UPSTREAM, Stream.DOWNSTREAM
MESSAGES = [{"role": "user", "content": "q"}]
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@pytest.fixture
async def model():
    """A stub model of 20 events, the OpenAI client that reaches it through the proxy, and the faults on the way."""
    async with (
        StubModel(Service(service_time_s=0.0, itl_s=0.0, events=20)) as stub,
        faulted(stub.port) as faults,
        openai.AsyncOpenAI(base_url=f"{faults.url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield stub, client, faults


async def ended(stub):
    """The stub has done with its last request, one way or the other."""
    while stub.served[-1].outcome == "running":  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)


async def opened(client):
    return await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)


async def test_a_reply_falls_silent_and_the_rest_comes_when_the_toxic_goes(model):
    stub, client, faults = model
    await faults.add("sse_stall", after_events=3)
    stream = await opened(client)
    first = [await anext(stream) for _ in range(3)]
    fourth = asyncio.ensure_future(anext(stream))
    await ended(stub)
    assert await client.models.list()  # an answer that is no stream, over another connection
    assert not fourth.done()
    await faults.remove("sse_stall")
    rest = [await fourth, *[event async for event in stream]]
    assert len(first) + len(rest) == 20
    assert rest[-1].choices[0].finish_reason == "stop"


async def test_it_ends_by_itself(model):
    _, client, faults = model
    await faults.client.add("faulted", {"type": "sse_stall", "attributes": {"after_events": 1}, "duration": 50})
    assert len([event async for event in await opened(client)]) == 20


async def test_a_client_that_gives_up_is_gone_for_the_server(model):
    stub, _, faults = model
    stub.queue.service = Service(service_time_s=0.0, itl_s=30.0, events=20)
    await faults.add("sse_stall")
    async with aiohttp.ClientSession() as session:
        body = {"model": "m", "messages": MESSAGES, "stream": True}
        async with session.post(f"{faults.url}/v1/chat/completions", json=body) as response:
            assert response.status == 200
    await ended(stub)
    assert stub.served[-1].outcome == "aborted"


def test_the_server_s_end_waits_with_the_reply():
    stage = SseStallStage(SseStall(after_bytes=1), RecordedLine())
    tell(stage, UP, b"GET / HTTP/1.1\r\n\r\n")
    tell(stage, DOWN, SSE + b"data: 1\n\n")
    stage.on_end(DOWN, 0.0)
    assert stage.line.sent[DOWN] == SSE + b"d"
    assert stage.line.waiting[DOWN] == [b"ata: 1\n\n"]
    assert stage.line.ended == [(DOWN, math.inf)]
    stage.on_end(UP, 0.0)
    assert stage.line.ended[-1] == "reset"


def test_before_it_falls_silent_an_end_is_an_end():
    stage = SseStallStage(SseStall(after_bytes=1), RecordedLine())
    tell(stage, UP, b"GET / HTTP/1.1\r\n\r\n")
    for stream in (UP, DOWN):
        stage.on_end(stream, 0.0)
    assert stage.line.ended == [(UP, 0.0), (DOWN, 0.0)]
