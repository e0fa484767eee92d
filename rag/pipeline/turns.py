"""Which replica answers a question that several are asked at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

from rag.errors import BreakerOpen, DependencyFailed, Overloaded
from rag.ports import Leases
from rag.resilience.guard import Guard
from rag.resilience.ladder import CACHE
from rag.tasks import end
from rag.types import Deadline

#: How long a replica that died holds the others up, at most.
LEASE_S = 2.0
#: Between two looks whether it is this replica's turn.
POLL_S = 0.03
#: What asking may add to an answer.
TIMEOUT_S = 0.05


@dataclass(slots=True)
class Turn:
    """The right to compute an answer.

    Attributes:
        waited: whether another replica had it before.
        degraded: says so where asking for it cost time and came to nothing.
    """

    waited: bool = False
    degraded: tuple[str, ...] = ()


class Turns:
    """Turns of all replicas, by a lease that is renewed while it is held.

    Without the leases' store everybody takes a turn at once: a question may then be answered twice.
    """

    def __init__(self, leases: Leases, guard: Guard, new_holder: Callable[[], str] = lambda: uuid4().hex) -> None:
        self._leases = leases
        self._guard = guard
        self._new_holder = new_holder

    @asynccontextmanager
    async def take(self, name: str, arrived: Callable[[], bool], deadline: Deadline) -> AsyncGenerator[Turn, None]:
        """Wait for a turn, or until the answer of the replica that has it has arrived.

        Raises:
            DeadlineExceeded: the caller's time ran out.
        """
        holder, turn = self._new_holder(), Turn()
        while (held := await self._ask(name, holder, turn, deadline)) is False and not arrived():
            turn.waited = True
            await asyncio.sleep(min(POLL_S, deadline.remaining()))
        if not held:
            yield turn
            return
        renewing = asyncio.create_task(self._renew(name, holder), name="lease")
        try:
            yield turn
        finally:
            await end(renewing)
            with suppress(DependencyFailed, Overloaded):  # it runs out by itself
                await self._guard.read(
                    lambda left_s: self._leases.release(name, holder, timeout_s=left_s), timeout_s=TIMEOUT_S
                )

    async def _ask(self, name: str, holder: str, turn: Turn, deadline: Deadline) -> bool | None:
        """Whether the turn is ours; None: nobody can tell."""
        try:
            return await self._guard.read(
                lambda left_s: self._leases.take(name, holder, lease_s=LEASE_S, timeout_s=left_s),
                timeout_s=min(TIMEOUT_S, deadline.remaining()),
            )
        except BreakerOpen:
            return None
        except (DependencyFailed, Overloaded):
            turn.degraded = (CACHE.label,)
            return None

    async def _renew(self, name: str, holder: str) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 4)
            with suppress(DependencyFailed):  # the next one may come in time
                await self._leases.take(name, holder, lease_s=LEASE_S, timeout_s=LEASE_S / 4)
