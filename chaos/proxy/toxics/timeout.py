"""`timeout`: nothing comes through, and then the connection is closed."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.proxy.toxics.toxic import Chunk, Count, Line, Stage, Stream, Timer, Toxic


class TimeoutStage(Stage["Timeout"]):
    """Drops all data, and closes once none has come for a time."""

    def __init__(self, toxic: Timeout, line: Line) -> None:
        super().__init__(toxic, line)
        self._timer: Timer | None = None

    def on_start(self) -> None:
        """The time runs from the beginning, should no data come at all."""
        self._restart()

    def on_data(self, stream: Stream, chunk: Chunk) -> None:
        """Drop it; the time begins again."""
        self._restart()

    def on_update(self) -> bool:
        """The time begins again."""
        self._restart()
        return False

    def on_remove(self) -> bool:
        """Close: what was dropped is missing, so the stream cannot go on."""
        self._close()
        return True

    def _restart(self) -> None:
        if self._timer:
            self._timer.cancel()
        timeout_s = self.toxic.timeout / 1000
        self._timer = self.line.call_at(self.line.now() + timeout_s, self._close) if timeout_s else None

    def _close(self) -> None:
        self.line.close(self.line.stream)


class Timeout(Toxic):
    """Attributes of `timeout`.

    Attributes:
        timeout: Milliseconds after the last chunk at which the connection is closed; 0 keeps it open until the toxic
            is removed.
    """

    kind = "timeout"
    stage: ClassVar[type[Stage[Any]]] = TimeoutStage

    timeout: Count = 0
