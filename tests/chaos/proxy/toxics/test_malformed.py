import aiohttp
import pytest
from grpc.aio import AioRpcError

from chaos.proxy.toxics.malformed import JUNK, Malformed, MalformedStage
from chaos.proxy.toxics.toxic import Stream
from evals.load.queue_model import Service
from evals.load.stub_model import StubModel
from tests.support import qdrant
from tests.support.faulted import RecordedLine, faulted, tell

UP, DOWN = Stream.UPSTREAM, Stream.DOWNSTREAM
GET = b"GET /a HTTP/1.1\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
async def model():
    """A session that reaches a stub model through the proxy, and the faults on the way."""
    async with (
        StubModel(Service(service_time_s=0.0, itl_s=0.0, events=20)) as stub,
        faulted(stub.port) as faults,
        aiohttp.ClientSession(faults.url) as session,
    ):
        yield session, faults


async def chat(session, *, stream):
    body = {"model": "m", "messages": [{"role": "user", "content": "q"}], "stream": stream}
    async with session.post("/v1/chat/completions", json=body) as response:
        return await response.read()


@pytest.mark.parametrize("stream", [True, False])
async def test_an_http_client_finds_no_answer(model, stream):
    session, faults = model
    await chat(session, stream=stream)
    await faults.add("malformed")
    with pytest.raises(aiohttp.ClientError):
        await chat(session, stream=stream)
    await faults.remove("malformed")
    assert await chat(session, stream=stream)


async def test_a_grpc_client_finds_no_frame(scratch):
    async with (
        qdrant.serving(scratch) as server,
        faulted(server.port) as faults,
        qdrant.connected(f"qdrant://{faults.address}") as client,
    ):
        await client.get_collections()
        await faults.add("malformed")
        with pytest.raises(AioRpcError) as caught:
            await client.get_collections()
        assert "HTTP/2" in caught.value.details()
        await faults.remove("malformed")
        await client.get_collections()


def test_junk_stands_for_the_size_of_a_chunk():
    stage = MalformedStage(Malformed(), RecordedLine())
    tell(stage, UP, GET)
    tell(stage, DOWN, b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED)
    assert stage.line.ended == []
    tell(stage, DOWN, b"2\r\nab\r\n")
    assert stage.line.sent[DOWN].endswith(CHUNKED + JUNK)
    assert stage.line.ended[0] == ("close", DOWN)


def test_junk_stands_for_the_head_of_another_answer():
    stage = MalformedStage(Malformed(), RecordedLine())
    tell(stage, UP, GET)
    tell(stage, DOWN, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
    assert stage.line.sent[DOWN].startswith(JUNK)


@pytest.mark.parametrize(("attributes", "spoilt"), [({}, True), ({"share": 0.0}, False), ({"match": "/a"}, False)])
def test_of_another_protocol_chunks_are_spoilt(attributes, spoilt):
    stage = MalformedStage(Malformed(**attributes), RecordedLine())
    tell(stage, UP, b"*1\r\n$4\r\nPING\r\n")
    tell(stage, DOWN, b"+PONG\r\n")
    assert stage.line.sent == {UP: b"*1\r\n$4\r\nPING\r\n", DOWN: JUNK if spoilt else b"+PONG\r\n"}
