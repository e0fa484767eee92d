"""`slow_close`: the connection ends later than it was closed."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.proxy.toxics.toxic import Count, Stage, Stream, Toxic


class SlowCloseStage(Stage["SlowClose"]):
    """Delays the end of the stream."""

    def on_end(self, stream: Stream, arrived_s: float) -> None:
        """Pass it on once the delay is over."""
        self.line.end(stream, arrived_s + self.toxic.delay / 1000)


class SlowClose(Toxic):
    """Attributes of `slow_close`.

    Attributes:
        delay: Milliseconds from the end of the stream until it is passed on.
    """

    kind = "slow_close"
    stage: ClassVar[type[Stage[Any]]] = SlowCloseStage

    delay: Count = 0
