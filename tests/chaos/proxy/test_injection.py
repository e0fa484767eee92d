import asyncio
from random import Random

from chaos.proxy.injection import Attached
from chaos.proxy.toxics.toxic import Stage, Stream, Toxic
from tests.support.wired import DOWN, UP, Wire, in_virtual_time, injection


class Remaining(Stage):
    """Stays when it is removed."""

    def on_remove(self):
        return False


class Both(Toxic):
    kind = "both"
    stage = Remaining
    both_streams = True


def attached(toxic_of=injection, **attributes):
    wire = Wire(toxic_of("latency", **attributes))
    return wire, wire.connection._attached[0]


def test_it_is_shown_as_toxiproxy_shows_it():
    assert injection("latency", latency=5, toxicity=0.5).as_json() == {
        "attributes": {"latency": 5, "jitter": 0},
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 0.5,
    }
    assert injection("timeout", duration_ms=7).as_json()["duration"] == 7


@in_virtual_time
async def test_it_has_a_lane_for_its_stream_or_for_both():
    wire, one = attached()
    assert list(one.lanes) == [Stream.DOWNSTREAM]
    both = injection("latency")
    both.toxic = Both()
    sources = wire.connection.peers
    loop = asyncio.get_running_loop()
    two = Attached(both, Random(0), loop, sources, reset=wire.connection.reset, since_start=True)
    assert list(two.lanes) == list(Stream)


@in_virtual_time
async def test_what_it_has_set_for_later_ends_with_it():
    wire, line = attached()
    happened = []
    line.call_at(1, lambda: happened.append("before"))
    line.call_at(3, lambda: happened.append("after"))
    line.call_at(1, lambda: happened.append("cancelled")).cancel()
    await asyncio.sleep(2)
    wire.connection.remove(line.injection)
    await asyncio.sleep(2)
    assert happened == ["before"]


@in_virtual_time
async def test_removed_it_sends_nothing_more_and_keeps_nobody_waiting():
    wire, line = attached()
    line.retain(DOWN, 2**40)
    assert not wire.upstream.reading
    wire.connection.remove(line.injection)
    assert wire.upstream.reading
    line.send(DOWN, b"late")
    assert wire.got() == b""


@in_virtual_time
async def test_what_must_see_a_stream_through_stays():
    stays = injection("latency")
    stays.toxic = Both()
    wire = Wire(stays)
    line = wire.connection._attached[0]
    happened = []
    line.send(UP, b"held", 100)
    line.call_at(1, lambda: happened.append("still"))
    wire.connection.remove(stays)
    assert wire.got(UP) == b"held"
    assert wire.connection._attached == [line]
    await asyncio.sleep(2)
    assert happened == ["still"]
    line.lanes[UP].stage = Stage(stays.toxic, line)
    wire.sends(b"more", UP)
    assert wire.got(UP) == b"heldmore"


@in_virtual_time
async def test_a_line_ends_closes_and_resets():
    wire, line = attached()
    line.end(Stream.DOWNSTREAM, line.now() + 1)
    await asyncio.sleep(1.1)
    assert wire.client.ended_s == 1
    assert not wire.client.closed
    line.reset()
    assert wire.client.closed[0] == wire.upstream.closed[0] == "abort"
