import asyncio
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.proxy.peer import LINGER_0
from chaos.proxy.toxics.toxic import Stream
from tests.support.wired import DOWN, UP, FakeTransport, Wire, in_virtual_time, injection

KEEPS = ("latency", "bandwidth", "slow_close", "slicer")


@in_virtual_time
async def test_bytes_flow_both_ways_and_are_counted():
    wire = Wire()
    wire.sends(b"question", UP)
    wire.sends(b"reply")
    assert (wire.got(UP), wire.got()) == (b"question", b"reply")
    assert (wire.traffic[UP].received, wire.traffic[UP].sent) == (8, 8)
    assert (wire.traffic[DOWN].received, wire.traffic[DOWN].sent) == (5, 5)


@in_virtual_time
async def test_an_end_goes_through_and_the_other_stream_goes_on():
    wire = Wire()
    wire.ends(UP)
    assert wire.upstream.ended_s == 0
    wire.sends(b"reply")
    wire.ends()
    assert wire.got() == b"reply"
    assert wire.client.closed == wire.upstream.closed == ("close", 0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert wire.lost == [wire.connection]


@pytest.mark.parametrize("stream", Stream)
@in_virtual_time
async def test_a_peer_that_leaves_ends_the_connection(stream):
    wire = Wire()
    wire.leaves(stream)
    await asyncio.sleep(0.001)
    assert wire.client.closed
    assert wire.upstream.closed
    assert wire.lost == [wire.connection]


@in_virtual_time
async def test_what_a_peer_sent_before_it_left_is_delivered_first():
    wire = Wire(injection("latency", UP, latency=100))
    wire.sends(b"last words", UP)
    wire.leaves(UP)
    wire.sends(b"nobody hears this")
    await asyncio.sleep(1)
    assert wire.arrivals(UP) == [(100, b"last words")]
    assert wire.upstream.closed == ("close", pytest.approx(0.1))


@in_virtual_time
async def test_what_came_before_both_were_there_is_sent_first():
    wire = Wire(start=False)
    assert not wire.client.reading
    wire.sends(b"early ", UP)
    wire.ends(UP)
    wire.connection.start([])
    assert wire.got(UP) == b"early "
    assert wire.upstream.ended_s == 0
    assert wire.client.reading


@in_virtual_time
async def test_early_bytes_meet_the_toxics():
    wire = Wire(start=False)
    wire.sends(b"early", UP)
    wire.connection.start([injection("latency", UP, latency=10)])
    await asyncio.sleep(1)
    assert wire.arrivals(UP) == [(10, b"early")]


@in_virtual_time
async def test_a_toxic_that_is_added_before_the_start_is_there_once():
    wire, slow = Wire(start=False), injection("latency", latency=100)
    wire.connection.add(slow)
    wire.connection.update(slow)
    wire.connection.start([slow])
    wire.sends(b"a")
    wire.connection.remove(slow)
    assert wire.arrivals() == [(0, b"a")]


@in_virtual_time
async def test_who_sends_faster_than_the_other_reads_waits():
    wire = Wire()
    wire.connection.client.pause_writing()
    assert not wire.upstream.reading
    assert wire.client.reading
    wire.connection.client.resume_writing()
    assert wire.upstream.reading


@in_virtual_time
async def test_who_leaves_without_reading_keeps_nobody_waiting():
    wire = Wire(injection("latency", UP, latency=100))
    wire.connection.client.pause_writing()
    wire.sends(b"last words", UP)
    wire.leaves(UP)
    await asyncio.sleep(0.01)
    assert wire.upstream.reading
    await asyncio.sleep(1)
    assert wire.lost == [wire.connection]


@in_virtual_time
async def test_every_reason_to_wait_has_to_go():
    wire = Wire(injection("bandwidth", rate=100))
    wire.sends(bytes(70_000))
    wire.connection.client.pause_writing()
    await asyncio.sleep(1)
    assert not wire.upstream.reading
    wire.connection.client.resume_writing()
    assert wire.upstream.reading


@in_virtual_time
async def test_toxics_are_passed_in_the_order_they_were_added():
    wire = Wire(injection("limit_data", bytes=2), injection("slicer", average_size=1))
    wire.sends(b"abc")
    assert wire.arrivals() == [(0, b"a"), (0, b"b")]


@in_virtual_time
async def test_a_toxic_that_is_added_meets_what_comes_then():
    wire = Wire()
    wire.sends(b"a")
    late = injection("latency", latency=100)
    wire.connection.add(late)
    wire.sends(b"b")
    await asyncio.sleep(0.05)
    wire.connection.remove(late)
    wire.sends(b"c")
    assert wire.arrivals() == [(0, b"a"), (50, b"b"), (50, b"c")]


@in_virtual_time
async def test_what_waits_in_a_removed_toxic_passes_through_those_behind_it():
    first = injection("latency", name="first", latency=1000)
    wire = Wire(first, injection("latency", name="second", latency=10))
    wire.sends(b"a")
    await asyncio.sleep(0.1)
    wire.connection.remove(first)
    await asyncio.sleep(1)
    assert wire.arrivals() == [(110, b"a")]


@in_virtual_time
async def test_toxicity_is_drawn_by_connection_and_repeats_with_the_seed():
    share = injection("limit_data", toxicity=0.3, bytes=0)

    def reached(seed):
        wires = [Wire(share, seed=f"{seed}/{number}") for number in range(400)]
        return [bool(wire.connection._attached) for wire in wires]

    assert 90 < sum(reached("a")) < 150
    assert reached("a") == reached("a")
    assert reached("a") != reached("b")


@in_virtual_time
async def test_another_toxicity_is_held_against_the_same_draw():
    share = injection("slow_close", toxicity=0.5)
    wires = [Wire(share, seed=str(number)) for number in range(200)]

    def reached(toxicity):
        share.toxicity = toxicity
        for wire in wires:
            wire.connection.update(share)
        return {number for number, wire in enumerate(wires) if wire.connection._attached}

    half, tenth = reached(0.5), reached(0.1)
    assert tenth < half
    assert reached(0.5) == half
    assert reached(0.0) == set()
    assert len(reached(1.0)) == 200


@in_virtual_time
async def test_a_reset_is_told_to_both_and_loses_what_waits():
    wire = Wire(injection("latency", latency=10))
    wire.sends(b"lost")
    wire.connection.reset()
    await asyncio.sleep(1)
    for transport in (wire.client, wire.upstream):
        assert transport.socket.options == [(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)]
        assert transport.closed == ("abort", 0)
    assert wire.got() == b""
    assert wire.lost == [wire.connection]


@in_virtual_time
async def test_aborted_it_closes_who_is_there_and_who_comes():
    wire = Wire(start=False)
    wire.connection.abort()
    assert wire.client.closed == ("abort", 0)
    late = FakeTransport()
    wire.connection.upstream.connection_made(late)
    assert late.closed == ("abort", 0)


#: An operation, for which toxic, of which stream.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "send", "send", "add", "remove", "change", "wait"]),
        st.sampled_from(KEEPS),
        st.sampled_from(list(Stream)),
        st.integers(0, 400),
    ),
    max_size=40,
)
VALUES = {"latency": "latency", "bandwidth": "rate", "slow_close": "delay", "slicer": "delay"}


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_no_byte_is_lost_or_moved_whatever_comes_and_goes(steps):
    @in_virtual_time
    async def scenario():
        wire, sent, there, number = Wire(), dict.fromkeys(Stream, b""), {}, 0
        for step, kind, stream, value in steps:
            key = (kind, stream)
            if step == "send":
                data = bytes((number + each) % 256 for each in range(value + 1))
                number += value + 1
                sent[stream] += data
                wire.sends(data, stream)
            elif step == "add" and key not in there:
                there[key] = injection(kind, stream, **{VALUES[kind]: value})
                wire.connection.add(there[key])
            elif step == "remove" and key in there:
                wire.connection.remove(there.pop(key))
            elif step == "change" and key in there:
                there[key].toxic = there[key].toxic.model_copy(update={VALUES[kind]: value})
                wire.connection.update(there[key])
            else:
                await asyncio.sleep(value / 1000)
        for stream in Stream:
            wire.ends(stream)
        await asyncio.sleep(3600)
        assert {stream: wire.got(stream) for stream in Stream} == sent
        assert wire.client.ended_s is not None
        assert wire.lost == [wire.connection]

    scenario()
