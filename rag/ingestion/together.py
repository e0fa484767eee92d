"""Several followers of the log, as one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rag.ingestion.following import LogFollower


class Together:
    """Everything in this process that follows the log; each has a lease of its own."""

    def __init__(self, followers: Sequence[LogFollower]) -> None:
        self._followers = followers

    @property
    def current(self) -> bool:
        """Whether any of them may be served."""
        return any(each.current for each in self._followers)

    @property
    def position(self) -> int:
        """What all that may be served have applied; of all, where none may."""
        served = [each for each in self._followers if each.current]
        return min(each.position for each in served or self._followers)

    async def applied(self, position: int) -> None:
        """Wait until each has applied all up to `position`, or has lost its lease."""
        await asyncio.gather(*(each.applied(position) for each in self._followers))

    async def catch_up(self) -> None:
        """Apply what is missing, here and now.

        Raises:
            SteadyragError: a follower or the log failed.
        """
        for each in self._followers:
            await each.catch_up()

    def wake(self) -> None:
        """Catch up in the background."""
        for each in self._followers:
            each.wake()

    async def aclose(self) -> None:
        """Stop following."""
        for each in self._followers:
            await each.aclose()
