"""`http_status`: some requests are answered with an error, and the server never hears of them."""

from __future__ import annotations

import json
from http.client import responses
from typing import Annotated, Any, ClassVar

from pydantic import Field

from chaos.proxy.toxics.http_stage import HttpStage, HttpToxic
from chaos.proxy.toxics.toxic import Count, Line, Stage, Stream
from chaos.proxy.wire.http1 import Head, Kind, Piece

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class HttpStatusStage(HttpStage["HttpStatus"]):
    """Swallows requests that it answers itself, in their turn; the connection goes on."""

    def __init__(self, toxic: HttpStatus, line: Line) -> None:
        super().__init__(toxic, line)
        self._swallowed: Head | None = None
        self._removed = False

    def on_request(self, piece: Piece) -> None:
        """Pass it on, or swallow it and answer at its end."""
        if piece.head and not self._removed and self.is_hit():
            self._swallowed = piece.head
        if self._swallowed is None:
            super().on_request(piece)
        elif piece.head and piece.head.has(b"expect", b"100-continue"):
            self.line.send(Stream.DOWNSTREAM, _CONTINUE)
        elif piece.kind is Kind.END:
            self._answer(self._swallowed)
            self._swallowed = None

    def on_remove(self) -> bool:
        """A request that is half swallowed is answered still."""
        self._removed = True
        return self._swallowed is None and super().on_remove()

    def _answer(self, request: Head) -> None:
        self.line.send(Stream.DOWNSTREAM, self.toxic.answer(request))
        if request.closes:
            self.line.close(Stream.DOWNSTREAM)


class HttpStatus(HttpToxic):
    """Attributes of `http_status`, a fault of HTTP/1.1.

    Attributes:
        status: Of the answer.
        retry_after: Seconds in its Retry-After header; none when absent.
        message: In its body, an error object as OpenAI's API has it.
    """

    kind: ClassVar[str] = "http_status"
    stage: ClassVar[type[Stage[Any]]] = HttpStatusStage

    status: Annotated[int, Field(ge=400, le=599)] = 503
    retry_after: Count | None = None
    message: str = "a fault that was asked for"

    def answer(self, request: Head) -> bytes:
        """The whole answer to `request`, as bytes."""
        error = {"message": self.message, "type": "injected_fault", "param": None, "code": str(self.status)}
        body = json.dumps({"error": error}).encode()
        lines = [
            f"HTTP/1.1 {self.status} {responses.get(self.status, 'Error')}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            f"Connection: {'close' if request.closes else 'keep-alive'}",
            *([] if self.retry_after is None else [f"Retry-After: {self.retry_after}"]),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + (b"" if request.method == b"HEAD" else body)
