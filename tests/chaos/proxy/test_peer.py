import asyncio
import socket

import pytest

from chaos.proxy.peer import LINGER_0, Peer, Traffic
from chaos.proxy.toxics.toxic import Stream
from tests.support.wired import DOWN, UP, FakeTransport, in_virtual_time


class Listening:
    """Notes what it is told."""

    def __init__(self):
        self.told = []

    def joined(self, peer):
        self.told.append("joined")

    def delivered(self, stream):
        self.told.append(f"delivered {stream}")

    def lost(self, peer):
        self.told.append("lost")


class Kept:
    """Takes what a peer sends, and the reasons to wait."""

    def __init__(self):
        self.got, self.reasons = [], []

    def data(self, data):
        self.got.append(data)

    def end(self, *, close):
        self.got.append("close" if close else "end")

    def pause(self, reason):
        self.reasons.append(reason)

    def resume(self, reason):
        self.reasons = [each for each in self.reasons if each is not reason]


def joined():
    """A client on a transport, before its connection begins; it tells `listening`."""
    listening = Listening()
    peer = Peer(listening, UP, {stream: Traffic() for stream in Stream})
    peer.other, peer.listening = Kept(), listening
    transport = FakeTransport()
    transport.protocol = peer
    peer.connection_made(transport)
    return peer


@pytest.fixture
def client():
    return joined()


def test_it_is_not_read_until_it_begins(client):
    assert client.listening.told == ["joined"]
    assert not client.transport.reading
    client.begin()
    assert client.transport.reading


@pytest.mark.parametrize("ends", [False, True])
def test_what_came_early_is_sent_on_first(client, ends):
    client.data_received(b"a")
    if ends:
        client.eof_received()
    client.out = Kept()
    client.begin()
    client.data_received(b"b")
    assert client.out.got == [b"a", *(["end"] if ends else []), b"b"]


def test_it_waits_while_there_is_a_reason(client):
    client.begin()
    for reason in ("one", "two", "one"):
        client.pause(reason)
    client.resume("one")
    client.resume("unknown")
    assert not client.transport.reading
    client.resume("two")
    assert client.transport.reading


@in_virtual_time
async def test_it_takes_bytes_and_an_end():
    client = joined()
    client.data(b"reply")
    client.end(close=False)
    assert client.transport.received == b"reply"
    assert client.transport.ended_s == 0
    assert client.listening.told == ["joined", "delivered downstream"]


@in_virtual_time
async def test_closed_it_takes_nothing_more():
    client = joined()
    client.end(close=True)
    client.data(b"late")
    client.end(close=False)
    client.reset()
    client.pause("late")
    client.resume("late")
    assert client.transport.closed == ("close", 0)
    assert (client.transport.written, client.transport.socket.options) == ([], [])


@in_virtual_time
async def test_one_that_has_reset_is_given_up():
    client = joined()

    def not_connected():
        raise OSError(107, "Transport endpoint is not connected")

    client.transport.write_eof = not_connected
    client.end(close=False)
    assert client.transport.closed == ("abort", 0)


@in_virtual_time
async def test_its_end_is_told_once_and_its_going_ends_both():
    client = joined()
    client.out = Kept()
    client.eof_received()
    client.pause_writing()
    client.transport.close()
    await asyncio.sleep(0)
    assert client.out.got == ["end"]
    assert client.listening.told == ["joined", f"delivered {DOWN}", "lost"]
    assert client.other.reasons == []


@in_virtual_time
async def test_a_reset_does_not_linger():
    client = joined()
    client.reset()
    assert client.transport.socket.options == [(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)]
    assert client.transport.closed == ("abort", 0)


def test_the_other_waits_while_it_does_not_read(client):
    client.pause_writing()
    assert client.other.reasons == [client]
    client.resume_writing()
    assert client.other.reasons == []
