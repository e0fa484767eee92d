import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.wired import Wire, in_virtual_time, injection


@in_virtual_time
async def test_pieces_are_of_about_the_size_and_spaced_by_microseconds():
    wire = Wire(injection("slicer", average_size=100, size_variation=10, delay=50_000))
    wire.sends(bytes(range(200)) * 5)
    await asyncio.sleep(10)
    times_ms, pieces = zip(*wire.arrivals(), strict=True)
    assert b"".join(pieces) == bytes(range(200)) * 5
    assert all(len(piece) <= 110 for piece in pieces)
    assert times_ms == tuple(50 * number for number in range(len(pieces)))


@in_virtual_time
async def test_the_next_chunk_waits_for_the_pieces_before():
    wire = Wire(injection("slicer", average_size=2, delay=10_000))
    wire.sends(b"abcd")
    wire.sends(b"ef")
    await asyncio.sleep(1)
    assert wire.arrivals() == [(0, b"ab"), (10, b"cd"), (20, b"ef")]


@given(st.binary(min_size=1, max_size=300), st.integers(0, 50), st.integers(0, 80))
def test_any_sizes_keep_every_byte(data, average_size, size_variation):
    @in_virtual_time
    async def scenario():
        wire = Wire(injection("slicer", average_size=average_size, size_variation=size_variation))
        wire.sends(data)
        assert wire.got() == data
        assert all(0 < len(piece) <= max(1, average_size + size_variation) for _, piece in wire.arrivals())

    scenario()


@in_virtual_time
async def test_a_change_counts_for_what_waits_too():
    slow = injection("slicer", average_size=1, delay=1_000_000)
    wire = Wire(slow)
    wire.sends(b"abcd")
    await asyncio.sleep(0.5)
    slow.toxic = slow.toxic.model_copy(update={"delay": 1000})
    wire.connection.update(slow)
    await asyncio.sleep(0.1)
    assert wire.got() == b"abcd"
    assert wire.client.written[-1][0] == pytest.approx(0.502)
