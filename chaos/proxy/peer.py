"""One peer of a connection through the proxy, on its socket."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from chaos.proxy.lane import Sink, Source
from chaos.proxy.toxics.toxic import Stream

#: `l_onoff` and `l_linger` of SO_LINGER: closing drops what is unsent and sends RST.
LINGER_0 = struct.pack("ii", 1, 0)

#: A few of uvloop's reads of 256 KiB: with less, a fast stream would stop and start at each.
WRITE_BUFFER_BYTES = 1024 * 1024


@dataclass(slots=True)
class Traffic:
    """Bytes of one stream: read from who sends it, and written to who receives it."""

    received: int = 0
    sent: int = 0


class Listener(Protocol):
    """Who is told of a peer: the connection."""

    def joined(self, peer: Peer) -> None:
        """The peer is there."""
        ...

    def delivered(self, stream: Stream) -> None:
        """The end of the stream has reached its receiver, or there is none any more."""
        ...

    def lost(self, peer: Peer) -> None:
        """The peer is gone."""
        ...


class _Early:
    """Keeps what a peer sends before the connection is linked: uvloop begins to read whether or not it was told to."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._chunks: list[bytes] = []
        self._ended = False

    def data(self, data: bytes) -> None:
        self._chunks.append(data)
        self._peer.transport.pause_reading()

    def end(self, *, close: bool) -> None:
        self._ended = True

    def pour(self, sink: Sink) -> None:
        for data in self._chunks:
            sink.data(data)
        self._chunks.clear()
        if self._ended:
            sink.end(close=False)


class Peer(asyncio.Protocol):
    """The client or the upstream: source of one stream, sink of the other.

    Attributes:
        stream: What it sends.
        out: Where that goes; kept here until that is set.
        other: The peer on the other side.
        transport: Its socket, once it is there.
    """

    transport: asyncio.Transport
    other: Source

    def __init__(self, connection: Listener, stream: Stream, traffic: Mapping[Stream, Traffic]) -> None:
        self._connection = connection
        self._traffic = traffic[stream]
        self._traffic_back = traffic[stream.opposite]
        self._reasons: set[object] = set()
        self._early = _Early(self)
        self._ended = False
        self.stream = stream
        self.out: Sink = self._early

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self.pause(self)
        self._connection.joined(self)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`. This is the path of every byte: no toxic, no detour."""
        self._traffic.received += len(data)
        self.out.data(data)

    def eof_received(self) -> bool:
        """See `asyncio.Protocol`. The other stream goes on."""
        self._end()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`. What is still under way to this peer has nowhere to go."""
        self.other.resume(self)
        self._connection.delivered(self.stream.opposite)
        self._end()
        self._connection.lost(self)

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self.other.pause(self)

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self.other.resume(self)

    def begin(self) -> None:
        """Read, and send on."""
        self.resume(self)
        self._early.pour(self.out)

    def pause(self, reason: object) -> None:
        """See `Source`."""
        if not self._reasons and not self.transport.is_closing():
            self.transport.pause_reading()
        self._reasons.add(reason)

    def resume(self, reason: object) -> None:
        """See `Source`."""
        if reason in self._reasons:
            self._reasons.remove(reason)
            if not self._reasons and not self.transport.is_closing():
                self.transport.resume_reading()

    def data(self, data: bytes) -> None:
        """See `Sink`."""
        if not self.transport.is_closing():
            self._traffic_back.sent += len(data)
            self.transport.write(data)

    def end(self, *, close: bool) -> None:
        """See `Sink`."""
        if self.transport.is_closing():
            return
        if close:
            self.transport.close()
            return
        try:
            self.transport.write_eof()
        except OSError:  # reset by the peer, which asyncio has not noticed
            self.transport.abort()
        else:
            self._connection.delivered(self.stream.opposite)

    def reset(self) -> None:
        """Close by RST."""
        if not self.transport.is_closing():
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
            self.transport.abort()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self.out.end(close=False)
