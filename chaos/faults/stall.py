"""A dependency that hangs: calls do not begin."""

from __future__ import annotations

from typing import Literal

from chaos.faults.fault import Fault, Meeting


class Stall(Fault):
    """Calls wait until the fault is gone, and then do their work."""

    kind: Literal["stall"] = "stall"

    async def meet(self, meeting: Meeting) -> None:
        """See `Fault`."""
        await meeting.removed.wait()
