import asyncio

import pytest

from evals.load.queue_model import Service
from evals.load.stub_model import StubModel
from router.backends.openai import OpenAIBackend
from router.errors import ModelError
from router.types import Prompt
from tests.support.faulted import faulted


@pytest.fixture
async def model():
    """A stub model of 20 events, and the faults on the way to it."""
    async with StubModel(Service(service_time_s=0.0, itl_s=0.0, events=20)) as stub, faulted(stub.port) as faults:
        yield faults


@pytest.mark.parametrize("by", ["fin", "rst"])
async def test_the_service_s_own_client_sees_the_cut(model, by):
    backend = OpenAIBackend(f"{model.url}/v1", "m")
    prompt = Prompt((), "q", ())
    try:
        assert len([chunk async for chunk in backend.stream(prompt, timeout_s=5)]) > 19
        await model.add("sse_cut", after_events=4, by=by)
        n_chunks = 0
        with pytest.raises(ModelError):
            async for _ in backend.stream(prompt, timeout_s=5):
                n_chunks += 1
        assert n_chunks <= 4  # a client may lose what it had not read when the end came
        await model.remove("sse_cut")
        assert len([chunk async for chunk in backend.stream(prompt, timeout_s=5)]) > 19
    finally:
        await backend.aclose()


async def answer(model, *, stream=True):
    """All that comes on a connection until it ends, and whether it was reset."""
    body = b'{"messages": [{"role": "user", "content": "q"}], "stream": %b}' % (b"true" if stream else b"false")
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    reader, writer = await asyncio.open_connection(*model.address.split(":"))
    writer.write(head % len(body) + body)
    received, was_reset = b"", False
    try:
        while data := await reader.read(65_536):
            received += data
    except ConnectionResetError:
        was_reset = True
    writer.close()
    return received, was_reset


@pytest.mark.parametrize("n_events", [0, 1, 7])
async def test_so_many_events_come(model, n_events):
    await model.add("sse_cut", after_events=n_events)
    received, was_reset = await answer(model)
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert received.count(b"data: ") == n_events
    assert not was_reset


async def test_a_dead_server_s_connection_is_reset(model):
    await model.add("sse_cut", by="rst", after_events=2)
    assert (await answer(model))[1]


async def test_an_answer_that_is_no_stream_comes_whole(model):
    await model.add("sse_cut")
    received, was_reset = await answer(model, stream=False)
    assert received.endswith(b"}")
    assert not was_reset
