import asyncio

import hpack
import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError
from hyperframe import frame as hyper
from pydantic import ValidationError
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.models import Distance, PointStruct, VectorParams

from chaos.proxy.toxics.grpc_status import GrpcStatus, GrpcStatusStage
from chaos.proxy.toxics.toxic import Stream
from chaos.proxy.wire import http2
from rag.errors import DependencyFailed
from rag.retrieval.qdrant.points import QdrantIndex
from tests.contracts.passage_index import DIMENSION, found
from tests.support import qdrant
from tests.support.faulted import RecordedLine, faulted, tell
from tests.support.http2_peer import HttpClient, settings

UP, DOWN = Stream.UPSTREAM, Stream.DOWNSTREAM


@pytest.fixture
async def lab(scratch):
    """The lab server, a client that reaches it through the proxy, and the faults on the way."""
    async with (
        qdrant.serving(scratch) as server,
        faulted(server.port) as faults,
        qdrant.connected(f"qdrant://{faults.address}") as client,
    ):
        yield server, client, faults


async def code_of(call):
    """The status that the call fails with; None when it does not."""
    try:
        await call
    except AioRpcError as error:
        return error.code()


async def test_calls_fail_with_the_status_and_are_not_carried_out(lab):
    _, client, faults = lab
    await faults.add("grpc_status", code="INTERNAL", message="out of order")
    with pytest.raises(AioRpcError, match="out of order") as caught:
        await client.create_collection("a", VectorParams(size=2, distance=Distance.COSINE))
    assert caught.value.code() is StatusCode.INTERNAL
    await faults.remove("grpc_status")
    assert (await client.get_collections()).collections == []


async def test_qdrant_s_client_reads_the_delay(lab):
    _, client, faults = lab
    await faults.add("grpc_status", code="RESOURCE_EXHAUSTED", retry_delay=1500)
    with pytest.raises(ResourceExhaustedResponse) as caught:
        await client.get_collections()
    assert caught.value.retry_after_s == 2


async def test_a_connection_that_is_older_than_the_toxic_loses_no_call(lab):
    _, client, faults = lab
    await client.get_collections()
    await faults.add("grpc_status", match="CollectionExists")
    codes = await asyncio.gather(*(code_of(client.get_collections()) for _ in range(20)))
    assert codes == [None] * 20
    assert await code_of(client.collection_exists("none")) is StatusCode.UNAVAILABLE


async def test_a_share_of_many_at_the_same_time(lab):
    _, client, faults = lab
    await faults.add("grpc_status", match="Create", share=0.5)
    names = [f"collection-{n}" for n in range(60)]
    config = VectorParams(size=2, distance=Distance.COSINE)
    codes = await asyncio.gather(*(code_of(client.create_collection(name, config)) for name in names))
    assert 15 < codes.count(StatusCode.UNAVAILABLE) < 45
    made = {each.name for each in (await client.get_collections()).collections}
    assert made == {name for name, code in zip(names, codes, strict=True) if code is None}


async def test_only_what_matches_fails(lab):
    _, client, faults = lab
    for name in ("red", "blue"):
        await client.create_collection(name, vectors_config=VectorParams(size=2, distance=Distance.COSINE))
    await faults.add("grpc_status", match="blue")
    assert await code_of(client.get_collection("red")) is None
    assert await code_of(client.get_collection("blue")) is StatusCode.UNAVAILABLE
    await faults.change("grpc_status", match="red")
    assert await code_of(client.get_collection("red")) is StatusCode.UNAVAILABLE
    assert await code_of(client.get_collection("blue")) is None


async def test_one_shard_of_a_collection_can_be_meant(lab):
    """The key as protobuf writes it in a request: field 1 of a selector, in which field 1 of a key."""
    _, client, faults = lab
    async with qdrant.prepared(client, DIMENSION) as layout:
        await faults.add("grpc_status", match="\n\x03\n\x011")
        assert await found(QdrantIndex(client, layout.collection, "0")) == []
        with pytest.raises(DependencyFailed, match="UNAVAILABLE"):
            await found(QdrantIndex(client, layout.collection, "1"))
        await faults.remove("grpc_status")


async def test_large_messages_that_are_refused_use_up_no_window(lab):
    """64 KiB is what a connection begins with: without credit for what was swallowed, it would stand still."""
    _, client, faults = lab
    await client.create_collection("a", vectors_config=VectorParams(size=256, distance=Distance.COSINE))
    points = [PointStruct(id=n, vector=[1.0] * 256) for n in range(1000)]
    await faults.add("grpc_status", match="Upsert", share=0.9)
    codes = [await code_of(client.upsert("a", points, timeout=20)) for _ in range(20)]
    assert {None, StatusCode.UNAVAILABLE} == set(codes)
    assert (await client.count("a")).count == 1000


class Call:
    """A call that is answered by a stage alone."""

    def __init__(self, **attributes):
        self.stage = GrpcStatusStage(GrpcStatus(**attributes), RecordedLine())
        self.client = HttpClient()
        tell(self.stage, UP, self.client.preface())
        tell(self.stage, DOWN, settings())
        self.sent = self.stage.line.sent
        self.begun = dict(self.sent)

    def since(self, stream):
        """What was sent on the stream since the connection began."""
        return self.sent[stream].removeprefix(self.begun[stream])


def test_the_server_hears_of_a_call_so_that_its_headers_stay_right_and_at_once_that_it_is_over():
    call = Call()
    headers = call.client.headers("/a")
    tell(call.stage, UP, headers)
    assert call.since(UP) == headers + http2.reset(1)
    (frame,) = http2.Frames().feed(call.since(DOWN))
    assert frame.ends_stream
    assert dict(hpack.Decoder().decode(frame.block))["grpc-status"] == "14"


def test_what_either_side_sends_after_is_swallowed_and_its_window_given_back():
    call = Call()
    tell(call.stage, UP, call.client.headers("/a"))
    call.begun = dict(call.sent)
    message = call.client.data(b"x" * 100)
    tell(call.stage, UP, message, http2.credit(1, 7), http2.reset(1))
    late = hyper.DataFrame(1, b"y" * 50).serialize()
    tell(call.stage, DOWN, hyper.HeadersFrame(1, b"\x88", flags=["END_HEADERS"]).serialize() + late + http2.reset(1))
    assert call.since(UP) == http2.credit(0, 50)
    assert call.since(DOWN) == http2.credit(0, 100)


def test_what_was_answered_is_seen_through_after_the_removal():
    call = Call()
    tell(call.stage, UP, call.client.headers("/a"))
    assert not call.stage.on_remove()
    call.begun = dict(call.sent)
    tell(call.stage, UP, call.client.data(b"x"))
    assert call.since(UP) == b""
    other = call.client.call("/b", b"x")
    tell(call.stage, UP, other)
    assert call.since(UP) == other


@pytest.mark.parametrize("attributes", [{"code": "OK"}, {"code": 14}, {"message": "ä"}, {"message": "%"}, {"x": 1}])
def test_wrong_attributes_are_refused(attributes):
    with pytest.raises(ValidationError):
        GrpcStatus(**attributes)
