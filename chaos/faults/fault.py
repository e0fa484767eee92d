"""What every fault at a seam says of itself: where it stands, whom it meets, for how long."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Meeting:
    """A call that meets a fault.

    Attributes:
        seam: where, as `rag.compose` names it ("index:2", "model:small").
        rng: the fault's own source of chance.
        removed: set once the fault is taken away; a call that waits goes on then.
    """

    seam: str
    rng: random.Random
    removed: asyncio.Event


class Fault(BaseModel, ABC):
    """Stands before the calls at some seams; the work itself is left alone, so that no write is lost half way.

    Attributes:
        seam: a seam, or a pattern as "index:*" (`fnmatch`).
        share: of the calls, drawn anew for each.
        duration_s: after which it goes by itself; None = it stays until it is removed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    seam: str = Field(min_length=1)
    share: float = Field(1.0, gt=0, le=1)
    duration_s: float | None = Field(None, gt=0)

    @abstractmethod
    async def meet(self, meeting: Meeting) -> None:
        """What a call goes through before its work.

        Raises:
            Exception: what the adapter at the seam would raise; the work is not done.
        """
