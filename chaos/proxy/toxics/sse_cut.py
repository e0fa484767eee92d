"""`sse_cut`: the connection ends in the middle of a streamed reply."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from chaos.proxy.toxics.sse_stage import SseStage, SseToxic
from chaos.proxy.toxics.toxic import Stage, Stream


class SseCutStage(SseStage["SseCut"]):
    """Closes; the rest of the reply is lost."""

    def on_spent(self) -> None:
        """Here it is cut."""
        if self.toxic.by == "rst":
            self.line.reset()
        else:
            self.line.close(Stream.DOWNSTREAM)

    def on_rest(self, data: bytes) -> None:
        """Nobody is there any more."""


class SseCut(SseToxic):
    """Attributes of `sse_cut`, beside those of every fault of streamed replies.

    Attributes:
        by: How the connection ends: `fin`, as when the server stops in order, or `rst`, as when it dies.
    """

    kind: ClassVar[str] = "sse_cut"
    stage: ClassVar[type[Stage[Any]]] = SseCutStage

    by: Literal["fin", "rst"] = "fin"
