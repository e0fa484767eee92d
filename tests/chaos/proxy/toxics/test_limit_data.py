import asyncio

import pytest

from tests.support.wired import UP, Wire, in_virtual_time, injection


@in_virtual_time
async def test_the_connection_is_closed_at_the_limit():
    wire = Wire(injection("limit_data", bytes=5))
    wire.sends(b"abc")
    assert not wire.client.closed
    wire.sends(b"defg")
    assert wire.got() == b"abcde"
    assert wire.client.closed == ("close", 0)
    await asyncio.sleep(0.001)
    assert wire.upstream.closed


@in_virtual_time
async def test_exactly_the_limit_closes_and_zero_passes_nothing():
    wire, none = Wire(injection("limit_data", bytes=3)), Wire(injection("limit_data", bytes=0))
    wire.sends(b"abc")
    none.sends(b"abc")
    assert (wire.got(), none.got()) == (b"abc", b"")
    assert wire.client.closed
    assert none.client.closed


@in_virtual_time
async def test_a_change_keeps_count():
    limit = injection("limit_data", bytes=4)
    wire = Wire(limit)
    wire.sends(b"abc")
    limit.toxic = limit.toxic.model_copy(update={"bytes": 5})
    wire.connection.update(limit)
    wire.sends(b"defg")
    assert wire.got() == b"abcde"


@in_virtual_time
async def test_the_limit_is_of_a_connection_and_of_its_stream():
    limit = injection("limit_data", bytes=4)
    for wire in (Wire(limit), Wire(limit)):
        wire.sends(b"question", UP)
        wire.sends(b"abc")
        assert (wire.got(UP), wire.got()) == (b"question", b"abc")
        assert not wire.client.closed


@in_virtual_time
async def test_what_passed_is_delivered_before_the_close():
    wire = Wire(injection("limit_data", bytes=2), injection("latency", latency=100))
    wire.sends(b"abc")
    await asyncio.sleep(1)
    assert wire.arrivals() == [(100, b"ab")]
    assert wire.client.closed == ("close", pytest.approx(0.1))
