import asyncio

import pytest
from hyperframe import frame as hyper
from hypothesis import given
from hypothesis import strategies as st
from qdrant_client.models import Distance, PointStruct, VectorParams

from chaos.proxy.toxics.grpc_delay import GrpcDelay, GrpcDelayStage
from chaos.proxy.toxics.toxic import Stream
from chaos.proxy.wire import http2
from tests.support import qdrant
from tests.support.faulted import RecordedLine, faulted, tell
from tests.support.http2_peer import HttpClient, settings

UP, DOWN = Stream.UPSTREAM, Stream.DOWNSTREAM
HOURS_MS = 10_000_000


@pytest.fixture
async def lab(scratch):
    """A client that reaches the lab server through the proxy, and the faults on the way; there are two collections."""
    async with (
        qdrant.serving(scratch) as server,
        faulted(server.port) as faults,
        qdrant.connected(f"qdrant://{faults.address}") as client,
    ):
        config = VectorParams(size=256, distance=Distance.COSINE)
        for name in ("red", "blue"):
            await client.create_collection(name, vectors_config=config)
            await client.upsert(name, [PointStruct(id=n, vector=[1.0] * 256) for n in range(500)])
        yield client, faults


async def read_all(client, name):
    """About half a megabyte."""
    points, _ = await client.scroll(name, limit=500, with_vectors=True, timeout=60)
    return len(points)


async def test_other_calls_of_the_connection_flow_on_and_what_was_held_comes_when_the_toxic_goes(lab):
    client, faults = lab
    await faults.add("grpc_delay", latency=HOURS_MS, match="blue")
    await read_all(client, "red")  # on the last connection without the toxic
    held = [asyncio.create_task(read_all(client, "blue")) for _ in range(10)]
    for _ in range(10):
        assert await read_all(client, "red") == 500
    assert not any(task.done() for task in held)
    await faults.remove("grpc_delay")
    assert await asyncio.gather(*held) == [500] * 10
    assert await read_all(client, "blue") == 500


async def test_answers_come_late_by_the_latency(lab):
    client, faults = lab
    await faults.add("grpc_delay", latency=100, jitter=50)
    await client.get_collections()
    loop = asyncio.get_running_loop()
    for _ in range(3):
        begun_s = loop.time()
        assert await read_all(client, "red") == 500
        assert loop.time() - begun_s >= 0.049


async def test_a_call_that_is_given_up_leaves_the_connection_whole(lab):
    client, faults = lab
    await faults.add("grpc_delay", latency=HOURS_MS, match="blue")
    await read_all(client, "red")
    for _ in range(20):
        held = asyncio.create_task(read_all(client, "blue"))
        assert await read_all(client, "red") == 500
        held.cancel()
    await faults.remove("grpc_delay")
    assert await read_all(client, "blue") == 500


class Connection:
    """A stage alone, whose calls to /slow are held for a second."""

    def __init__(self):
        self.stage = GrpcDelayStage(GrpcDelay(latency=1000, match="/slow"), RecordedLine())
        self.line = self.stage.line
        self.client = HttpClient()
        tell(self.stage, UP, self.client.preface())
        tell(self.stage, DOWN, settings())
        self.line.sent.clear()

    def call(self, path):
        tell(self.stage, UP, self.client.call(path, b""))
        self.line.sent.clear()
        return self.client.stream


def content(stream, n_bytes, *, ends=False):
    return hyper.DataFrame(stream, b"x" * n_bytes, flags=["END_STREAM"] if ends else []).serialize()


HEADERS = hyper.HeadersFrame(1, b"\x88", flags=["END_HEADERS"]).serialize()


def test_each_frame_is_late_and_other_streams_are_not():
    it = Connection()
    slow, fast = it.call("/slow"), it.call("/fast")
    tell(it.stage, DOWN, HEADERS)
    it.line.pass_time(0.5)
    tell(it.stage, DOWN, content(slow, 10, ends=True), content(fast, 10))
    assert it.line.sent[DOWN] == content(fast, 10)
    it.line.pass_time(1.1)
    assert it.line.sent[DOWN] == content(fast, 10) + HEADERS
    it.line.pass_time(1.6)
    assert it.line.sent[DOWN] == content(fast, 10) + HEADERS + content(slow, 10, ends=True)


def test_what_is_held_takes_nothing_of_the_others_window():
    it = Connection()
    slow = it.call("/slow")
    tell(it.stage, DOWN, content(slow, 16_000))
    assert it.line.sent[UP] == http2.credit(0, 16_000)
    assert it.line.retained[DOWN] == 16_000
    it.line.pass_time(2)
    assert it.line.retained[DOWN] == 0
    tell(it.stage, UP, http2.credit(0, 20_000))
    assert it.line.sent[UP] == http2.credit(0, 16_000) + http2.credit(0, 4_000)


def test_the_client_is_sent_no_more_than_it_takes():
    it = Connection()
    slow, fast = it.call("/slow"), it.call("/fast")
    tell(it.stage, DOWN, content(slow, 40_000), content(fast, 40_000))
    it.line.pass_time(2)
    assert it.line.sent[DOWN] == content(fast, 40_000) + content(slow, http2.INITIAL_WINDOW - 40_000)
    tell(it.stage, DOWN, content(fast, 1))
    tell(it.stage, UP, http2.credit(0, 40_000))
    rest = 80_000 - http2.INITIAL_WINDOW
    assert it.line.sent[DOWN].endswith(content(slow, rest) + content(fast, 1))


def test_while_answers_are_held_the_server_is_granted_all_that_the_client_takes_of_others():
    it = Connection()
    slow, fast = it.call("/slow"), it.call("/fast")
    for _ in range(5):
        tell(it.stage, DOWN, content(slow, 16_000))
    it.line.sent.clear()
    for _ in range(20):
        tell(it.stage, DOWN, content(fast, 16_000))
        tell(it.stage, UP, http2.credit(0, 16_000))
    assert it.line.sent[UP] == http2.credit(0, 16_000) * 20
    assert it.line.sent[DOWN] == content(fast, 16_000) * 20


def test_a_call_that_is_given_up_is_not_answered_and_owes_nothing():
    it = Connection()
    slow = it.call("/slow")
    tell(it.stage, DOWN, HEADERS, content(slow, 16_000))
    it.line.sent.clear()
    tell(it.stage, UP, http2.reset(slow), http2.credit(0, 100))
    assert it.line.sent[UP] == http2.reset(slow) + http2.credit(0, 100)
    it.line.pass_time(2)
    assert it.line.sent[DOWN] == b""
    assert it.line.retained[DOWN] == 0


def test_the_server_s_end_waits_for_what_is_held():
    it = Connection()
    slow = it.call("/slow")
    tell(it.stage, DOWN, content(slow, 5, ends=True))
    it.stage.on_end(DOWN, 0.0)
    assert it.line.ended == []
    it.line.pass_time(2)
    assert it.line.sent[DOWN] == content(slow, 5, ends=True)
    assert it.line.ended == [(DOWN, 0.0)]


def test_the_server_s_end_does_not_wait_for_a_call_that_is_given_up():
    it = Connection()
    slow = it.call("/slow")
    tell(it.stage, DOWN, content(slow, 5, ends=True))
    it.stage.on_end(DOWN, 0.0)
    tell(it.stage, UP, http2.reset(slow))
    assert it.line.ended == [(DOWN, 0.0)]


def test_the_client_s_end_does_not():
    it = Connection()
    it.stage.on_end(UP, 0.0)
    assert it.line.ended == [(UP, 0.0)]


def test_a_grant_for_the_stream_is_no_answer():
    it = Connection()
    slow = it.call("/slow")
    tell(it.stage, DOWN, http2.credit(slow, 9))
    assert it.line.sent[DOWN] == http2.credit(slow, 9)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.integers(0, 3), st.integers(0, 30_000)),
        st.tuples(st.just("time"), st.just(0), st.integers(0, 1000)),
        st.tuples(st.just("grant"), st.just(0), st.integers(1, 50_000)),
        st.tuples(st.just("remove"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


@given(STEPS)
def test_nothing_is_lost_nothing_overtakes_within_a_stream_and_no_window_is_overrun(steps):
    it = Connection()
    streams = [it.call("/slow" if n % 2 else "/fast") for n in range(4)]
    sent, granted = dict.fromkeys(streams, b""), http2.INITIAL_WINDOW
    for number, (step, which, n) in enumerate(steps):
        if step == "answer":
            payload = bytes([number]) * n
            sent[streams[which]] += payload
            tell(it.stage, DOWN, hyper.DataFrame(streams[which], payload).serialize())
        elif step == "time":
            it.line.pass_time(it.line.time_s + n / 1000)
        elif step == "grant":
            granted += n
            tell(it.stage, UP, http2.credit(0, n))
        else:
            it.stage.on_remove()
        passed = list(http2.Frames().feed(it.line.sent[DOWN]))
        assert sum(frame.window_bytes for frame in passed) <= granted
    it.line.pass_time(it.line.time_s + 2)
    tell(it.stage, UP, http2.credit(0, 1_000_000))
    received = dict.fromkeys(streams, b"")
    for frame in http2.Frames().feed(it.line.sent[DOWN]):
        received[frame.stream] += frame.content
    assert received == sent
    assert it.line.retained[DOWN] == 0
