"""`slicer`: data arrives in small pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from chaos.proxy.toxics.toxic import Chunk, Count, Line, Stage, Stream, Toxic


class SlicerStage(Stage["Slicer"]):
    """Cuts each chunk near its middle until the pieces are small, and spaces them."""

    def __init__(self, toxic: Slicer, line: Line) -> None:
        super().__init__(toxic, line)
        self._free_at_s = 0.0

    def on_data(self, stream: Stream, chunk: Chunk) -> None:
        """Send its pieces, each `delay` after the one before."""
        at_s = max(self._free_at_s, chunk.arrived_s)
        start = 0
        for cut in (*self._cuts(0, len(chunk.data)), len(chunk.data)):
            self.line.send(stream, chunk.data[start:cut], at_s)
            at_s += self.toxic.delay / 1_000_000
            start = cut
        self._free_at_s = at_s

    def on_update(self) -> bool:
        """What waits is given new times."""
        self._free_at_s = self.line.now()
        return True

    def _cuts(self, start: int, end: int) -> Iterator[int]:
        """Where to cut, in order."""
        variation = self.toxic.size_variation
        if end - start <= max(1, self.toxic.average_size + variation):
            return
        middle = start + (end - start) // 2 + (self.line.random.randrange(-variation, variation) if variation else 0)
        middle = min(max(middle, start + 1), end - 1)
        yield from self._cuts(start, middle)
        yield middle
        yield from self._cuts(middle, end)


class Slicer(Toxic):
    """Attributes of `slicer`.

    Attributes:
        average_size: Bytes of a piece, about.
        size_variation: Bytes that a piece may be larger or smaller by; less than `average_size`.
        delay: Microseconds between pieces.
    """

    kind = "slicer"
    stage: ClassVar[type[Stage[Any]]] = SlicerStage

    average_size: Count = 0
    size_variation: Count = 0
    delay: Count = 0
