"""`blackhole`: connections are accepted and read, and nothing ever comes back."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from chaos.proxy.toxics.toxic import KIB, Chunk, Stage, Stream, Toxic


class BlackholeStage(Stage["Blackhole"]):
    """Holds both streams until the toxic is removed."""

    def on_data(self, stream: Stream, chunk: Chunk) -> None:
        """Hold it."""
        self.line.send(stream, chunk.data, math.inf)

    def on_end(self, stream: Stream, arrived_s: float) -> None:
        """The server's end is held; a client that ends its side has given up, and takes along what is held."""
        if stream is Stream.DOWNSTREAM:
            self.line.end(stream, math.inf)
        else:
            self.line.reset()


class Blackhole(Toxic, extra="forbid"):
    """`blackhole` has no attributes.

    It differs from `timeout` in that it loses nothing: on removal, all that was held goes its way in both directions.
    """

    kind: ClassVar[str] = "blackhole"
    stage: ClassVar[type[Stage[Any]]] = BlackholeStage
    both_streams: ClassVar[bool] = True
    # What a sender writes before it waits for an answer is to be read, so that it meets silence and no full window.
    buffer_bytes: ClassVar[int] = 16 * KIB * KIB
