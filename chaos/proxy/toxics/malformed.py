"""`malformed`: an answer that its protocol does not allow."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.proxy.toxics.http_stage import HttpStage, HttpToxic
from chaos.proxy.toxics.toxic import Line, Stage, Stream
from chaos.proxy.wire.http1 import Kind, Piece

#: No status line, no chunk size, no HTTP/2 frame of a size that anybody allows, and no type of Redis's protocol.
JUNK = b"\xff" * 32 + b"\r\n"


class MalformedStage(HttpStage["Malformed"]):
    """Puts junk where the protocol wants its own, and closes."""

    def __init__(self, toxic: Malformed, line: Line) -> None:
        super().__init__(toxic, line)
        self._spoils: Kind | None = None

    def on_response(self, piece: Piece) -> None:
        """Junk stands for the first chunk size of an answer in chunks, and for the head of any other."""
        if piece.head and piece.head.status >= 200 and self.is_hit():
            self._spoils = Kind.FRAMING if piece.head.has(b"transfer-encoding", b"chunked") else Kind.HEAD
        if piece.kind is self._spoils:
            self._spoil()
        else:
            super().on_response(piece)

    def on_opaque(self, stream: Stream, data: bytes) -> None:
        """Of other protocols only chunks are known, which mostly begin where an answer or a frame does."""
        if stream is Stream.DOWNSTREAM and not self.toxic.match and self.line.random.random() < self.toxic.share:
            self._spoil()
        else:
            super().on_opaque(stream, data)

    def _spoil(self) -> None:
        self.line.send(Stream.DOWNSTREAM, JUNK)
        self.line.close(Stream.DOWNSTREAM)


class Malformed(HttpToxic):
    """Attributes of `malformed`: those of every fault of single exchanges.

    Of any protocol but HTTP/1.1, `share` is that of the chunks that the server sends, and with `match` none is hit.
    """

    kind: ClassVar[str] = "malformed"
    stage: ClassVar[type[Stage[Any]]] = MalformedStage
