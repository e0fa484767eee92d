import asyncio

import pytest

from tests.support.wired import UP, Wire, in_virtual_time, injection


@in_virtual_time
async def test_each_chunk_is_late_by_the_latency_from_its_own_arrival():
    wire = Wire(injection("latency", latency=100))
    wire.sends(b"a")
    await asyncio.sleep(0.05)
    wire.sends(b"b")
    wire.sends(b"c")
    await asyncio.sleep(1)
    assert wire.arrivals() == [(100, b"a"), (150, b"b"), (150, b"c")]


@in_virtual_time
async def test_the_other_stream_is_not_late():
    wire = Wire(injection("latency", latency=100))
    wire.sends(b"a", UP)
    assert wire.arrivals(UP) == [(0, b"a")]


@in_virtual_time
async def test_latencies_add_up():
    wire = Wire(injection("latency", name="a", latency=100), injection("latency", name="b", latency=30))
    wire.sends(b"a")
    await asyncio.sleep(1)
    assert wire.arrivals() == [(130, b"a")]


@in_virtual_time
async def test_the_end_is_not_late_but_keeps_its_place():
    wire = Wire(injection("latency", latency=100))
    wire.ends(UP)
    assert wire.upstream.ended_s == 0
    wire.sends(b"a")
    wire.ends()
    await asyncio.sleep(1)
    assert wire.client.ended_s == pytest.approx(0.1)


@in_virtual_time
async def test_jitter_varies_by_chunk_and_keeps_the_order():
    wire = Wire(injection("latency", latency=100, jitter=50))
    for number in range(200):
        wire.sends(bytes([number]))
        await asyncio.sleep(0.2)
    delays_ms = [at_ms - 200 * number for number, (at_ms, _) in enumerate(wire.arrivals())]
    assert 50 <= min(delays_ms) < 60
    assert 140 < max(delays_ms) < 150
    assert wire.got() == bytes(range(200))


@in_virtual_time
async def test_a_change_counts_for_what_waits_too():
    slow = injection("latency", latency=10_000)
    wire = Wire(slow)
    wire.sends(b"a")
    await asyncio.sleep(0.05)
    slow.toxic = slow.toxic.model_copy(update={"latency": 100})
    wire.connection.update(slow)
    await asyncio.sleep(1)
    assert wire.arrivals() == [(100, b"a")]
