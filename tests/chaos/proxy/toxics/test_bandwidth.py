import asyncio

import pytest

from tests.support.wired import Wire, in_virtual_time, injection


@in_virtual_time
async def test_bytes_take_their_time():
    wire = Wire(injection("bandwidth", rate=10))
    wire.sends(bytes(500))
    wire.sends(bytes(500))
    await asyncio.sleep(1)
    assert wire.arrivals() == [(50, bytes(500)), (100, bytes(500))]


@in_virtual_time
async def test_a_large_chunk_trickles():
    wire = Wire(injection("bandwidth", rate=10))
    wire.sends(bytes(2500))
    await asyncio.sleep(1)
    assert wire.arrivals() == [(100, bytes(1000)), (200, bytes(1000)), (250, bytes(500))]


@in_virtual_time
async def test_idle_time_is_not_saved_up():
    wire = Wire(injection("bandwidth", rate=1))
    for _ in range(2):
        await asyncio.sleep(10)
        wire.sends(bytes(100))
    await asyncio.sleep(1)
    assert wire.arrivals() == [(10_100, bytes(100)), (20_100, bytes(100))]


@pytest.mark.parametrize("rate", [0, 10**9])
@in_virtual_time
async def test_no_rate_and_a_high_one_are_no_limit(rate):
    wire = Wire(injection("bandwidth", rate=rate))
    wire.sends(bytes(10**6))
    await asyncio.sleep(0.002)
    assert len(wire.got()) == 10**6


@in_virtual_time
async def test_the_sender_waits_while_much_waits():
    wire = Wire(injection("bandwidth", rate=100))
    wire.sends(bytes(70_000))
    assert not wire.upstream.reading
    await asyncio.sleep(0.7)
    assert wire.upstream.reading
    assert len(wire.got()) == 70_000


@in_virtual_time
async def test_a_change_counts_for_what_waits_too():
    slow = injection("bandwidth", rate=1)
    wire = Wire(slow)
    wire.sends(bytes(2000))
    await asyncio.sleep(1)
    assert len(wire.got()) == 1000
    slow.toxic = slow.toxic.model_copy(update={"rate": 10})
    wire.connection.update(slow)
    await asyncio.sleep(0.11)
    assert len(wire.got()) == 2000
