"""A dependency that is slow: calls begin late."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Literal

from pydantic import Field

from chaos.faults.fault import Fault, Meeting


class Latency(Fault):
    """Each call waits for `delay_s`, give or take `jitter_s` (uniform), never less than nothing; seconds."""

    kind: Literal["latency"] = "latency"
    delay_s: float = Field(gt=0)
    jitter_s: float = Field(0.0, ge=0)

    async def meet(self, meeting: Meeting) -> None:
        """See `Fault`."""
        delay_s = max(0.0, self.delay_s + meeting.rng.uniform(-self.jitter_s, self.jitter_s))
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await meeting.removed.wait()
