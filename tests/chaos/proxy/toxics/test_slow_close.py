import asyncio

import pytest

from tests.support.wired import Wire, in_virtual_time, injection


@in_virtual_time
async def test_only_the_end_is_late():
    wire = Wire(injection("slow_close", delay=500))
    wire.sends(b"a")
    wire.ends()
    assert wire.arrivals() == [(0, b"a")]
    await asyncio.sleep(1)
    assert wire.client.ended_s == pytest.approx(0.5)


@in_virtual_time
async def test_removed_it_ends_at_once():
    slow = injection("slow_close", delay=500)
    wire = Wire(slow)
    wire.ends()
    await asyncio.sleep(0.1)
    assert wire.client.ended_s is None
    wire.connection.remove(slow)
    assert wire.client.ended_s == pytest.approx(0.1)


@in_virtual_time
async def test_a_change_counts_from_when_the_stream_ended():
    slow = injection("slow_close", delay=500)
    wire = Wire(slow)
    wire.ends()
    await asyncio.sleep(0.1)
    slow.toxic = slow.toxic.model_copy(update={"delay": 200})
    wire.connection.update(slow)
    await asyncio.sleep(1)
    assert wire.client.ended_s == pytest.approx(0.2)
