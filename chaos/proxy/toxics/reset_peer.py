"""`reset_peer`: the connection is reset."""

from __future__ import annotations

from typing import Any, ClassVar

from chaos.proxy.toxics.toxic import Chunk, Count, Line, Stage, Stream, Toxic


class ResetPeerStage(Stage["ResetPeer"]):
    """Drops what comes and, some time after the first of it, resets."""

    def __init__(self, toxic: ResetPeer, line: Line) -> None:
        super().__init__(toxic, line)
        self._armed = False

    def on_data(self, stream: Stream, chunk: Chunk) -> None:
        """The first chunk sets the time."""
        self._arm()

    def on_end(self, stream: Stream, arrived_s: float) -> None:
        """An end sets it as a chunk does."""
        self._arm()

    def _arm(self) -> None:
        if not self._armed:
            self._armed = True
            self.line.call_at(self.line.now() + self.toxic.timeout / 1000, self._reset)

    def _reset(self) -> None:
        """Connections from before the toxic are closed in order, as by Toxiproxy, which prepares RST at the start."""
        if self.line.since_start:
            self.line.reset()
        else:
            self.line.close(self.line.stream)


class ResetPeer(Toxic):
    """Attributes of `reset_peer`.

    Attributes:
        timeout: Milliseconds from the first chunk until the reset.
    """

    kind = "reset_peer"
    stage: ClassVar[type[Stage[Any]]] = ResetPeerStage

    timeout: Count = 0
