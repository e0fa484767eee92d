"""What the toxics that fault single HTTP/1.1 exchanges have in common."""

from __future__ import annotations

from typing import Annotated, ClassVar, Generic, TypeVar

from pydantic import Field

from chaos.proxy.toxics.toxic import Chunk, Line, Stage, Stream, Toxic
from chaos.proxy.wire.http1 import Head, Kind, Piece, Requests, Responses

#: Share of requests, drawn for each from the proxy's seed.
Share = Annotated[float, Field(ge=0, le=1)]


class HttpToxic(Toxic, extra="forbid"):
    """Attributes of every fault of single exchanges.

    Attributes:
        share: Of the requests that match, the share that the fault hits.
        match: Only requests whose target (path and query) contains this text.
    """

    both_streams: ClassVar[bool] = True

    share: Share = 1.0
    match: str = ""


HttpToxicT = TypeVar("HttpToxicT", bound=HttpToxic)


class HttpStage(Stage[HttpToxicT], Generic[HttpToxicT]):
    """Follows the requests and answers of one connection; the base passes everything on.

    A toxic that is added in the middle of a connection follows it from the first chunk that begins a request. What is
    not HTTP/1.1, or no longer, is passed on as it comes.

    Attributes:
        request: The request that is being sent or answered; None when there is none, or when it was sent before the
            one before it was answered (pipelining). Such a request is followed and never faulted, since an answer of
            ours would overtake.
    """

    def __init__(self, toxic: HttpToxicT, line: Line) -> None:
        super().__init__(toxic, line)
        self.request: Head | None = None
        self._following = False
        self._requests = Requests()
        self._responses = Responses()

    def on_data(self, stream: Stream, chunk: Chunk) -> None:
        """Cut the bytes into pieces and tell of each."""
        if not self._following and stream is Stream.UPSTREAM and Requests.begin_with(chunk.data):
            self._following, self._requests, self._responses = True, Requests(), Responses()
        if not self._following:
            self.on_opaque(stream, chunk.data)
            return
        for piece in self._reader(stream).feed(chunk.data):
            if piece.kind is Kind.OPAQUE:
                self._lose(stream, piece.raw)
            elif stream is Stream.UPSTREAM:
                self._note(piece.head)
                self.on_request(piece)
            else:
                self.on_response(piece)

    def on_end(self, stream: Stream, arrived_s: float) -> None:
        """Pass on what waits for the rest of its piece, and the end."""
        self._flush(stream)
        super().on_end(stream, arrived_s)

    def on_update(self) -> bool:
        """What waits has been read."""
        return False

    def on_remove(self) -> bool:
        """Pass on what waits for the rest of its piece."""
        for stream in Stream:
            self._flush(stream)
        return True

    def on_request(self, piece: Piece) -> None:
        """Called for each piece of a request."""
        if piece.head:
            self._responses.methods.append(piece.head.method)
        self.line.send(Stream.UPSTREAM, piece.raw)

    def on_response(self, piece: Piece) -> None:
        """Called for each piece of an answer."""
        self.line.send(Stream.DOWNSTREAM, piece.raw)

    def on_opaque(self, stream: Stream, data: bytes) -> None:
        """Called for bytes that belong to no exchange."""
        self.line.send(stream, data)

    def is_hit(self) -> bool:
        """Draw whether the fault hits the request that is being sent or answered."""
        if self.request is None or self.toxic.match.encode() not in self.request.target:
            return False
        return self.line.random.random() < self.toxic.share

    def _note(self, head: Head | None) -> None:
        if head:
            pipelined = self._responses.methods or not self._responses.between_messages
            self.request = None if pipelined else head

    def _lose(self, stream: Stream, data: bytes) -> None:
        self._following = False
        self._flush(stream.opposite)
        self.on_opaque(stream, data)

    def _flush(self, stream: Stream) -> None:
        self.line.send(stream, self._reader(stream).take_rest())

    def _reader(self, stream: Stream) -> Requests | Responses:
        return self._requests if stream is Stream.UPSTREAM else self._responses
