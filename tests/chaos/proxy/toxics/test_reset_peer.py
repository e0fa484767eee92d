import asyncio
import socket

import pytest

from chaos.proxy.peer import LINGER_0
from tests.support.wired import UP, Wire, in_virtual_time, injection

RST = [(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)]


@pytest.mark.parametrize("timeout", [0, 250])
@in_virtual_time
async def test_both_are_reset_some_time_after_the_first_chunk(timeout):
    wire = Wire(injection("reset_peer", UP, timeout=timeout))
    await asyncio.sleep(1)
    wire.sends(b"dropped", UP)
    await asyncio.sleep(0.1)
    wire.sends(b"dropped", UP) if not wire.client.closed else None
    await asyncio.sleep(1)
    for transport in (wire.client, wire.upstream):
        assert transport.closed == ("abort", pytest.approx(1 + timeout / 1000))
        assert transport.socket.options == RST
        assert transport.received == b""


@in_virtual_time
async def test_an_end_counts_as_the_first_chunk():
    wire = Wire(injection("reset_peer"))
    wire.ends()
    await asyncio.sleep(0.001)
    assert wire.client.socket.options == RST


@in_virtual_time
async def test_a_connection_from_before_is_closed_by_fin():
    wire = Wire()
    wire.connection.add(injection("reset_peer"))
    wire.sends(b"dropped")
    await asyncio.sleep(0.001)
    assert wire.client.closed[0] == "close"
    assert not wire.client.socket.options


@in_virtual_time
async def test_removed_before_its_time_it_resets_nothing():
    reset = injection("reset_peer", timeout=100)
    wire = Wire(reset)
    wire.sends(b"dropped")
    wire.connection.remove(reset)
    await asyncio.sleep(1)
    wire.sends(b"passed")
    assert wire.got() == b"passed"
