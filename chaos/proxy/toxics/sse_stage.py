"""What the toxics that act in the middle of a streamed reply have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from chaos.proxy.toxics.http_stage import HttpStage, HttpToxic
from chaos.proxy.toxics.toxic import Count, Line, Stream
from chaos.proxy.wire.http1 import Head, Kind, Piece
from chaos.proxy.wire.sse import Allowance


class SseToxic(HttpToxic):
    """Attributes of every fault of streamed replies: answers of the type text/event-stream over HTTP/1.1.

    The fault begins when both bounds are reached; with neither, right after the headers.

    Attributes:
        after_events: Events with data that pass before.
        after_bytes: Bytes of content, events and all, that pass before.
    """

    after_events: Count = 0
    after_bytes: Count = 0


SseToxicT = TypeVar("SseToxicT", bound=SseToxic)


class SseStage(HttpStage[SseToxicT], ABC, Generic[SseToxicT]):
    """Lets so much of each reply that is hit pass, and then tells."""

    def __init__(self, toxic: SseToxicT, line: Line) -> None:
        super().__init__(toxic, line)
        self._allowance: Allowance | None = None

    def on_response(self, piece: Piece) -> None:
        """Pass it on as far as allowed."""
        if piece.head:
            super().on_response(piece)
            self._begin(piece.head)
        elif self._allowance is None:
            super().on_response(piece)
        elif self._allowance.spent:
            self.on_rest(piece.raw)
        else:
            self._pass(piece, self._allowance)

    def on_spent(self) -> None:
        """Called at the place where the fault begins."""

    @abstractmethod
    def on_rest(self, data: bytes) -> None:
        """Called for what follows that place in the reply."""

    def _begin(self, head: Head) -> None:
        hit = head.headers.get(b"content-type", b"").lower().startswith(b"text/event-stream") and self.is_hit()
        self._allowance = Allowance(self.toxic.after_events, self.toxic.after_bytes) if hit else None
        if self._allowance and self._allowance.spent:
            self.on_spent()

    def _pass(self, piece: Piece, allowance: Allowance) -> None:
        passed = allowance.take(piece.raw) if piece.kind is Kind.DATA else len(piece.raw)
        self.line.send(Stream.DOWNSTREAM, piece.raw[:passed])
        if allowance.spent:
            self.on_spent()
            self.on_rest(piece.raw[passed:])
