"""A connection of the fault proxy between two peers without sockets, in virtual time."""

import asyncio
import functools
import inspect

from chaos.proxy.connection import Connection
from chaos.proxy.injection import Injection
from chaos.proxy.peer import Traffic
from chaos.proxy.toxics import TOXICS
from chaos.proxy.toxics.toxic import Stream
from tests.support import virtual_time

UP, DOWN = Stream.UPSTREAM, Stream.DOWNSTREAM


def in_virtual_time(test):
    """Run an async test on a loop of its own whose waits take no time."""
    assert inspect.iscoroutinefunction(test)

    @functools.wraps(test)
    def run(*args, **kwargs):
        return virtual_time.run(test(*args, **kwargs))

    return run


class Socket:
    """Takes options."""

    def __init__(self):
        self.options = []

    def setsockopt(self, *option):
        self.options.append(option)


class FakeTransport:
    """Notes what is written to a peer, and when; the peer's own doings are `Wire`'s.

    Attributes:
        written: (time, bytes) of each write.
        ended_s: when the end of its stream was written, or None.
        closed: `close` or `abort` once called, and when.
        reading: whether the peer is read.
    """

    def __init__(self):
        self.protocol = None
        self.socket = Socket()
        self.written, self.ended_s, self.closed, self.reading = [], None, None, True

    def write(self, data):
        assert not self.closed
        self.written.append((asyncio.get_running_loop().time(), data))

    def write_eof(self):
        assert self.ended_s is None
        self.ended_s = asyncio.get_running_loop().time()

    def is_closing(self):
        return self.closed is not None

    def close(self, how="close"):
        if not self.closed:
            loop = asyncio.get_running_loop()
            self.closed = (how, loop.time())
            if self.protocol:
                loop.call_soon(self.protocol.connection_lost, None)

    def abort(self):
        self.close("abort")

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def set_write_buffer_limits(self, high):
        pass

    def get_extra_info(self, name):
        assert name == "socket"
        return self.socket

    @property
    def received(self):
        return b"".join(data for _, data in self.written)


class Wire:
    """Both ends of a connection."""

    def __init__(self, *injections, seed="seed", start=True):
        self.lost = []
        self.traffic = {stream: Traffic() for stream in Stream}
        self.connection = Connection(asyncio.get_running_loop(), seed, self.traffic, self.lost.append)
        self.client, self.upstream = FakeTransport(), FakeTransport()
        self._join(self.client, self.connection.client)
        self._join(self.upstream, self.connection.upstream)
        if start:
            self.connection.start(injections)

    @staticmethod
    def _join(transport, peer):
        transport.protocol = peer
        peer.connection_made(transport)

    def sends(self, data, stream=DOWN):
        """The sender of the stream sends."""
        self.connection.peers[stream].data_received(data)

    def ends(self, stream=DOWN):
        """The sender of the stream sends no more."""
        assert self.connection.peers[stream].eof_received()

    def leaves(self, stream=DOWN):
        """The sender of the stream is gone."""
        self.connection.peers[stream].transport.close("left")

    def got(self, stream=DOWN):
        """What the receiver of the stream got."""
        return self.receiver(stream).received

    def receiver(self, stream=DOWN):
        return self.client if stream is DOWN else self.upstream

    def arrivals(self, stream=DOWN):
        """(milliseconds, bytes) of each write to the receiver."""
        return [(round(at_s * 1000), data) for at_s, data in self.receiver(stream).written]


def injection(kind, stream=DOWN, *, name="", toxicity=1.0, duration_ms=0, **attributes):
    """A toxic, as the API would make it."""
    return Injection(name or f"{kind}_{stream}", stream, toxicity, TOXICS[kind](**attributes), duration_ms)
