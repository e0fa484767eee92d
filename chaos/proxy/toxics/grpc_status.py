"""`grpc_status`: some calls fail with a status, and the server does not carry them out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import StringConstraints

from chaos.proxy.toxics.grpc_stage import GrpcStage, GrpcToxic
from chaos.proxy.toxics.toxic import Count, Line, Stage, Stream
from chaos.proxy.wire import http2
from chaos.proxy.wire.http2 import Frame

#: In the order of their numbers, from 1 (gRPC, doc/statuscodes.md).
Code = Literal[
    "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
]  # fmt: skip


class GrpcStatusStage(GrpcStage["GrpcStatus"]):
    """Ends the stream of a call that is hit, towards the server by a reset and towards the client by the status."""

    def __init__(self, toxic: GrpcStatus, line: Line) -> None:
        super().__init__(toxic, line)
        self._answered: set[int] = set()

    def on_hit(self, stream: int) -> None:
        """Answer for the server."""
        self._answered.add(stream)
        self.line.send(Stream.UPSTREAM, http2.reset(stream))
        self.line.send(Stream.DOWNSTREAM, http2.last_headers(stream, self.toxic.fields()))

    def on_request(self, frame: Frame) -> None:
        """Of an answered call, take the message off the client; trailers must reach the server's table of headers."""
        if frame.stream not in self._answered or frame.kind == http2.HEADERS:
            super().on_request(frame)
        else:
            self.line.send(Stream.DOWNSTREAM, http2.credit(0, frame.window_bytes))

    def on_answer(self, frame: Frame) -> None:
        """Of an answered call, take off the server what it said before it knew of the reset."""
        if frame.stream not in self._answered:
            super().on_answer(frame)
        else:
            self.line.send(Stream.UPSTREAM, http2.credit(0, frame.window_bytes))


class GrpcStatus(GrpcToxic):
    """Attributes of `grpc_status`, beside those of every fault of gRPC calls.

    Attributes:
        code: Name of the status.
        message: Its text, printable ASCII.
        retry_delay: Milliseconds after which the client is asked to try again, as `grpc-retry-pushback-ms` for gRPC's
            own retries (gRFC A6) and, in seconds, as `retry-after`, which Qdrant sends; neither when absent.
    """

    kind: ClassVar[str] = "grpc_status"
    stage: ClassVar[type[Stage[Any]]] = GrpcStatusStage

    code: Code = "UNAVAILABLE"
    message: Annotated[str, StringConstraints(pattern=r"^[ -$&-~]*$", max_length=100)] = "a fault that was asked for"
    retry_delay: Count | None = None

    def fields(self) -> Iterator[tuple[bytes, bytes]]:
        """Headers of an answer that has nothing but this status."""
        yield b":status", b"200"
        yield b"content-type", b"application/grpc"
        yield b"grpc-status", b"%d" % (get_args(Code).index(self.code) + 1)
        yield b"grpc-message", self.message.encode()
        if self.retry_delay is not None:
            yield b"grpc-retry-pushback-ms", b"%d" % self.retry_delay
            yield b"retry-after", b"%d" % math.ceil(self.retry_delay / 1000)
