import asyncio
import math

import pytest

from chaos.proxy.lane import TIMER_ERROR_S, Lane
from chaos.proxy.toxics.toxic import Stage, Stream
from tests.support.wired import in_virtual_time


class Sink:
    """Notes what comes, and when."""

    def __init__(self):
        self.got = []

    def data(self, data):
        self.got.append((round(asyncio.get_running_loop().time(), 3), data))

    def end(self, *, close):
        self.got.append((round(asyncio.get_running_loop().time(), 3), "close" if close else "end"))


class Source:
    """Who sends."""

    def __init__(self):
        self.paused = set()

    def pause(self, reason):
        self.paused.add(reason)

    def resume(self, reason):
        self.paused.discard(reason)


class Told(Stage):
    """Notes what it is told, and passes nothing on by itself."""

    def __init__(self):
        self.told = []

    def on_data(self, stream, chunk):
        self.told.append(tuple(chunk))

    def on_end(self, stream, arrived_s):
        self.told.append(("end", arrived_s))


class PassesLater(Told):
    """Passes everything on when `at_s` says."""

    def __init__(self, lane, at_s):
        super().__init__()
        self.lane, self.at_s = lane, at_s

    def on_data(self, stream, chunk):
        super().on_data(stream, chunk)
        self.lane.send(chunk.data, self.at_s)

    def on_end(self, stream, arrived_s):
        super().on_end(stream, arrived_s)
        self.lane.finish(self.at_s, close=False)


def make(limit_bytes=100):
    lane = Lane(Stream.UPSTREAM, asyncio.get_running_loop(), Source(), limit_bytes)
    lane.stage, lane.next = Told(), Sink()
    return lane


@in_virtual_time
async def test_what_is_due_passes_at_once():
    lane = make()
    lane.send(b"a", 0)
    lane.send(b"", 0)
    lane.finish(0, close=False)
    assert lane.next.got == [(0, b"a"), (0, "end")]


@in_virtual_time
async def test_what_is_not_due_waits_and_the_rest_behind_it():
    lane = make()
    lane.send(b"a", 2)
    lane.send(b"b", 1)
    lane.send(b"c", 3)
    lane.finish(0, close=True)
    await asyncio.sleep(5)
    assert lane.next.got == [(2, b"a"), (2, b"b"), (3, b"c"), (3, "close")]


@in_virtual_time
async def test_nothing_comes_behind_the_end():
    lane = make()
    lane.finish(1, close=False)
    lane.send(b"a", 0)
    lane.finish(0, close=True)
    lane.data(b"b")
    lane.end(close=False)
    await asyncio.sleep(2)
    assert lane.next.got == [(1, "end")]
    assert lane.stage.told == []


@in_virtual_time
async def test_the_stage_is_told_with_the_time():
    lane = make()
    await asyncio.sleep(3)
    lane.data(b"a")
    lane.end(close=False)
    assert lane.stage.told == [(b"a", 3), ("end", 3)]


@in_virtual_time
async def test_the_end_of_a_connection_remains_one():
    lane = make()
    lane.stage = PassesLater(lane, 1)
    lane.end(close=True)
    await asyncio.sleep(2)
    assert lane.next.got == [(1, "close")]


@in_virtual_time
async def test_released_everything_passes_in_order():
    lane = make()
    lane.send(b"a", math.inf)
    lane.send(b"b", 1)
    lane.finish(0, close=False)
    await asyncio.sleep(5)
    assert lane.next.got == []
    lane.release()
    assert lane.next.got == [(5, b"a"), (5, b"b"), (5, "end")]


@in_virtual_time
async def test_replayed_everything_is_told_again_as_it_arrived():
    lane = make()
    lane.stage = PassesLater(lane, 10)
    lane.data(b"a")
    await asyncio.sleep(1)
    lane.data(b"b")
    lane.end(close=True)
    lane.stage.told.clear()
    lane.stage.at_s = 2
    lane.replay()
    assert lane.stage.told == [(b"a", 0), (b"b", 1), ("end", 1)]
    await asyncio.sleep(20)
    assert lane.next.got == [(2, b"a"), (2, b"b"), (2, "close")]


@in_virtual_time
async def test_discarded_nothing_passes():
    lane = make()
    lane.send(b"a", 1)
    lane.discard()
    lane.send(b"b", 0)
    await asyncio.sleep(2)
    assert lane.next.got == []


@in_virtual_time
async def test_discarded_it_keeps_nobody_from_sending():
    lane = make(limit_bytes=100)
    lane.send(bytes(101), 1)
    lane.retain(200)
    lane.discard()
    assert not lane._source.paused


@in_virtual_time
async def test_the_sender_is_paused_above_the_limit_until_half_of_it():
    lane = make(limit_bytes=100)
    source = lane._source
    lane.send(bytes(60), 1)
    lane.send(bytes(40), 2)
    assert not source.paused
    lane.send(bytes(1), 3)
    assert source.paused == {lane}
    await asyncio.sleep(1.5)
    assert not source.paused


@in_virtual_time
async def test_what_the_stage_keeps_counts():
    lane = make(limit_bytes=100)
    lane.retain(101)
    assert lane._source.paused
    lane.retain(-51)
    assert not lane._source.paused


@in_virtual_time
async def test_a_timer_that_rings_a_little_early_is_right():
    lane = make()
    lane.send(b"a", 1)
    lane.send(b"b", 1 + TIMER_ERROR_S / 2)
    lane.send(b"c", 1 + TIMER_ERROR_S * 4)
    await asyncio.sleep(1.0001)
    assert [data for _, data in lane.next.got] == [b"a", b"b"]


@pytest.mark.parametrize("at_s", [0, 1])
@in_virtual_time
async def test_a_connection_that_ends_while_it_passes_leaves_the_rest(at_s):
    lane = make()
    lane.send(b"a", 1)
    lane.send(b"b", 1)
    lane.next.data = lambda data: lane.discard()
    if at_s:
        await asyncio.sleep(2)
    else:
        lane.release()
    lane.release()
    assert not lane.next.got
