"""What the toxics that fault single gRPC calls have in common: calls are followed in the frames of HTTP/2."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

from hpack import Decoder, HPACKError

from chaos.proxy.toxics.http_stage import Share
from chaos.proxy.toxics.toxic import Chunk, Line, Stage, Stream, Toxic
from chaos.proxy.wire import http2
from chaos.proxy.wire.http2 import Frame, Frames


class GrpcToxic(Toxic, extra="forbid"):
    """Attributes of every fault of single gRPC calls.

    Attributes:
        share: Of the calls that match, the share that the fault hits.
        match: Only calls whose path (`/qdrant.Points/Query`) or request message contains this text, such as the key of
            one shard. Messages are searched as they are sent: compressed ones do not match.
    """

    both_streams: ClassVar[bool] = True

    share: Share = 1.0
    match: str = ""


GrpcToxicT = TypeVar("GrpcToxicT", bound=GrpcToxic)


class GrpcStage(Stage[GrpcToxicT], ABC, Generic[GrpcToxicT]):
    """Follows the calls of one connection; the base passes everything on.

    Header fields are compressed by a table that every header block may change (RFC 7541), so that calls can be read
    only on a connection that was followed from its first byte. On one that is older than the toxic, the client is told
    to open another for further calls (GOAWAY, which fails none of those under way), and the bytes pass as they are.

    The server is told that the client keeps no such table. Its header blocks then depend on none before, and one may
    be left out, held back or added. The server's own table stays right, since it receives all request headers. The
    client is not told the same: gRPC's (1.85) then did not begin a call before the last one was answered.
    """

    def __init__(self, toxic: GrpcToxicT, line: Line) -> None:
        super().__init__(toxic, line)
        self._frames = {stream: Frames() for stream in Stream}
        self._decoder = Decoder(max_header_list_size=2**24)
        self._decoder.max_allowed_table_size = 2**32 - 1  # the server bounds it
        self._preface = b""
        # Stream of each call that may still turn out to match -> the end of what was searched.
        self._searched: dict[int, bytes] = {}
        self._removed = False
        self._take: Callable[[Stream, bytes], None] = self._begin if line.since_start else self._send_away

    def on_data(self, stream: Stream, chunk: Chunk) -> None:
        """Cut the bytes into frames and tell of each."""
        self._take(stream, chunk.data)

    def on_end(self, stream: Stream, arrived_s: float) -> None:
        """Pass on what waits for the rest of its frame, and the end."""
        self._flush(stream)
        super().on_end(stream, arrived_s)

    def on_update(self) -> bool:
        """What waits has been read."""
        return False

    def on_remove(self) -> bool:
        """Hit no further call. The server goes on to be followed where it may still speak of calls that were hit."""
        self._removed = True
        return self._take == self._pass

    def on_request(self, frame: Frame) -> None:
        """Called for each frame of the client."""
        self.line.send(Stream.UPSTREAM, frame.raw)

    def on_answer(self, frame: Frame) -> None:
        """Called for each frame of the server."""
        self.line.send(Stream.DOWNSTREAM, frame.raw)

    @abstractmethod
    def on_hit(self, stream: int) -> None:
        """Called for a call that the fault hits: after its headers, and before the part of the message that matched."""

    def _begin(self, stream: Stream, data: bytes) -> None:
        """Find out whether the client speaks HTTP/2; a server may speak first."""
        if stream is Stream.DOWNSTREAM:
            (self._follow if http2.are_whole_frames(data) else self._give_up)(stream, data)
            return
        self._preface += data
        if self._preface.startswith(http2.PREFACE):
            self._take = self._follow
            self.line.send(stream, http2.PREFACE)
            self._follow(stream, self._preface.removeprefix(http2.PREFACE))
        elif not http2.PREFACE.startswith(self._preface):
            self._give_up(stream, b"")

    def _follow(self, stream: Stream, data: bytes) -> None:
        for frame in self._frames[stream].feed(data):
            try:
                (self._from_client if stream is Stream.UPSTREAM else self._from_server)(frame)
            except (HPACKError, ValueError):  # its receiver will refuse it
                self._give_up(stream, frame.raw)

    def _send_away(self, stream: Stream, data: bytes) -> None:
        """Wait for a place between two frames of the server; before an answer, so that the next call goes elsewhere."""
        if stream is Stream.DOWNSTREAM and http2.are_whole_frames(data):
            data = http2.go_elsewhere() + data
            self._take = self._pass
        self.line.send(stream, data)

    def _pass(self, stream: Stream, data: bytes) -> None:
        self.line.send(stream, data)

    def _give_up(self, stream: Stream, data: bytes) -> None:
        """Pass this and everything after it on unread."""
        self._flush(stream.opposite)
        self.line.send(stream, data)
        self._flush(stream)
        self._take = self._pass

    def _flush(self, stream: Stream) -> None:
        if stream is Stream.UPSTREAM and self._take == self._begin:
            self.line.send(stream, self._preface)
        self.line.send(stream, self._frames[stream].take_rest())

    def _from_client(self, frame: Frame) -> None:
        if frame.kind == http2.HEADERS:
            path = dict(self._decoder.decode(frame.block, raw=True)).get(b":path")
            self.on_request(frame)
            if path is not None:
                self._search(frame.stream, b"", path)
        else:
            if frame.kind == http2.DATA and (searched := self._searched.get(frame.stream)) is not None:
                self._search(frame.stream, searched, frame.content)
            self.on_request(http2.without_header_table(frame))
        if frame.ends_stream:
            self._searched.pop(frame.stream, None)

    def _from_server(self, frame: Frame) -> None:
        if frame.kind in (http2.HEADERS, http2.RST_STREAM):
            self._searched.pop(frame.stream, None)  # it is being answered: too late to fault it
        self.on_answer(frame)

    def _search(self, stream: int, before: bytes, text: bytes) -> None:
        match = self.toxic.match.encode()
        text = before + text
        if match not in text:
            self._searched[stream] = text[max(0, len(text) - len(match) + 1) :]
            return
        self._searched.pop(stream, None)
        if not self._removed and self.line.random.random() < self.toxic.share:
            self.on_hit(stream)
