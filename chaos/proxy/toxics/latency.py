"""`latency`: everything arrives later."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.proxy.toxics.toxic import KIB, Chunk, Count, Stage, Stream, Toxic


class LatencyStage(Stage["Latency"]):
    """Delays each chunk from its own arrival, so that a delay does not limit the throughput."""

    def on_data(self, stream: Stream, chunk: Chunk) -> None:
        """Send it once its delay is over."""
        delay_s = (self.toxic.latency + self._jitter_ms()) / 1000
        self.line.send(stream, chunk.data, chunk.arrived_s + delay_s)

    def _jitter_ms(self) -> int:
        jitter = self.toxic.jitter
        return self.line.random.randrange(-jitter, jitter) if jitter else 0


class Latency(Toxic):
    """Attributes of `latency`.

    Attributes:
        latency: Milliseconds from the arrival of a chunk until it is passed on.
        jitter: Milliseconds that the latency varies by, uniformly, up or down, drawn for each chunk.
    """

    kind = "latency"
    stage: ClassVar[type[Stage[Any]]] = LatencyStage
    #: As much as Toxiproxy's 1,024 chunks of 32 KiB.
    buffer_bytes = 1024 * 32 * KIB

    latency: Count = 0
    jitter: Count = 0
