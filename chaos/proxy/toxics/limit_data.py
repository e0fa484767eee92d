"""`limit_data`: the connection is closed after so many bytes."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.proxy.toxics.toxic import Chunk, Count, Line, Stage, Stream, Toxic


class LimitDataStage(Stage["LimitData"]):
    """Counts what it passes on."""

    def __init__(self, toxic: LimitData, line: Line) -> None:
        super().__init__(toxic, line)
        self._passed = 0

    def on_data(self, stream: Stream, chunk: Chunk) -> None:
        """Send as much of it as the limit leaves, and close at the limit."""
        data = chunk.data[: max(0, self.toxic.bytes - self._passed)]
        self._passed += len(data)
        self.line.send(stream, data)
        if self._passed >= self.toxic.bytes:
            self.line.close(stream)


class LimitData(Toxic):
    """Attributes of `limit_data`.

    Attributes:
        bytes: How many pass on a connection, counted from when the toxic reached it.
    """

    kind = "limit_data"
    stage: ClassVar[type[Stage[Any]]] = LimitDataStage

    bytes: Count = 0
