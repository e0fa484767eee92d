import asyncio

import pytest

from tests.support.wired import UP, Wire, in_virtual_time, injection


@in_virtual_time
async def test_data_is_dropped_and_the_connection_closed_after_the_last():
    wire = Wire(injection("timeout", timeout=100))
    await asyncio.sleep(0.05)
    wire.sends(b"dropped")
    await asyncio.sleep(1)
    assert wire.got() == b""
    assert wire.client.closed == ("close", pytest.approx(0.15))
    assert wire.upstream.closed == ("close", pytest.approx(0.15))
    assert len(wire.lost) == 1


@in_virtual_time
async def test_a_silent_connection_is_closed_too():
    wire = Wire(injection("timeout", timeout=100))
    await asyncio.sleep(1)
    assert wire.client.closed == ("close", pytest.approx(0.1))


@in_virtual_time
async def test_zero_waits_until_it_is_removed_which_closes():
    stop = injection("timeout", UP, timeout=0)
    wire = Wire(stop)
    wire.sends(b"dropped", UP)
    await asyncio.sleep(3600)
    assert not wire.client.closed
    wire.connection.remove(stop)
    await asyncio.sleep(0)
    assert wire.upstream.closed == ("close", pytest.approx(3600))
    await asyncio.sleep(0)
    assert wire.client.closed
    assert wire.got(UP) == b""


@in_virtual_time
async def test_a_change_begins_the_time_again():
    stop = injection("timeout", timeout=100)
    wire = Wire(stop)
    await asyncio.sleep(0.05)
    stop.toxic = stop.toxic.model_copy(update={"timeout": 300})
    wire.connection.update(stop)
    await asyncio.sleep(1)
    assert wire.client.closed == ("close", pytest.approx(0.35))


@in_virtual_time
async def test_the_end_of_the_stream_passes():
    wire = Wire(injection("timeout", timeout=0))
    wire.ends()
    assert wire.client.ended_s == 0
