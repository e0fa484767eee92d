"""`bandwidth`: bytes flow at a limited rate."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.proxy.toxics.toxic import Chunk, Count, Line, Stage, Stream, Toxic

#: A chunk that takes longer than this is passed on in parts, so that a slow stream trickles.
PART_S = 0.1


class BandwidthStage(Stage["Bandwidth"]):
    """Gives each chunk the time that its bytes take, one after another."""

    def __init__(self, toxic: Bandwidth, line: Line) -> None:
        super().__init__(toxic, line)
        self._free_at_s = 0.0

    def on_data(self, stream: Stream, chunk: Chunk) -> None:
        """Send it in parts, each when the rate allows it; a rate of 0 is no limit, as in Toxiproxy."""
        rate = self.toxic.rate * 1000
        if not rate:
            self.line.send(stream, chunk.data)
            return
        size = max(1, round(rate * PART_S))
        self._free_at_s = max(self._free_at_s, chunk.arrived_s)
        for start in range(0, len(chunk.data), size):
            part = chunk.data[start : start + size]
            self._free_at_s += len(part) / rate
            self.line.send(stream, part, self._free_at_s)

    def on_update(self) -> bool:
        """What waits is given new times."""
        self._free_at_s = self.line.now()
        return True


class Bandwidth(Toxic):
    """Attributes of `bandwidth`.

    Attributes:
        rate: Units of 1,000 bytes a second.
    """

    kind = "bandwidth"
    stage: ClassVar[type[Stage[Any]]] = BandwidthStage

    rate: Count = 0
