"""`sse_stall`: a streamed reply falls silent in its middle."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from chaos.proxy.toxics.sse_stage import SseStage, SseToxic
from chaos.proxy.toxics.toxic import Line, Stage, Stream


class SseStallStage(SseStage["SseStall"]):
    """Holds the rest of the reply until the toxic is removed."""

    def __init__(self, toxic: SseStall, line: Line) -> None:
        super().__init__(toxic, line)
        self._stalled = False

    def on_spent(self) -> None:
        """Here it falls silent."""
        self._stalled = True

    def on_rest(self, data: bytes) -> None:
        """Hold it."""
        self.line.send(Stream.DOWNSTREAM, data, math.inf)

    def on_end(self, stream: Stream, arrived_s: float) -> None:
        """The server's end waits with the reply; a client that ends its side has given up, and the server is told."""
        if not self._stalled:
            super().on_end(stream, arrived_s)
        elif stream is Stream.DOWNSTREAM:
            self.line.end(stream, math.inf)
        else:
            self.line.reset()


class SseStall(SseToxic):
    """Attributes of `sse_stall`: those of every fault of streamed replies."""

    kind: ClassVar[str] = "sse_stall"
    stage: ClassVar[type[Stage[Any]]] = SseStallStage
