"""What follows the document log, and the lease without which it is not served.

The rule: a write is reported as done when every follower has applied it or has lost its lease, and a follower without a
lease answers nothing. So nobody who was told of a write meets a state without it, and a follower that is stuck delays
writes by one lease and no more (Gray and Cheriton, "Leases", SOSP 1989).

A follower in the process that writes holds its lease without end while it works, however long a change takes; the
lease begins to run when applying fails, and comes back when it has caught up.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from rag.errors import DependencyFailed
from rag.ports import DocumentLog, Follower, LexicalIndex, PassageStore
from rag.tasks import end
from rag.types import Change, Clock, Filters, Hit, Passage, Space

log = logging.getLogger(__name__)

LEASE_S = 1.0
#: Pause before changes that a follower could not apply are tried again.
RETRY_PAUSE_S = 0.5
READ_CHANGES = 2_000
STEP_TIMEOUT_S = 300.0


class Lease(Protocol):
    """Says whether somebody may answer."""

    @property
    def current(self) -> bool:
        """Whether the lease holds."""


class Following(Protocol):
    """All that follows the log, as the writer sees it."""

    async def applied(self, position: int) -> None:
        """Wait until everybody who may be served has applied all up to `position`."""

    async def catch_up(self) -> None:
        """Apply what is missing, here and now."""


class LogFollower:
    """Keeps one follower level with the log.

    Args:
        name: for the log.
        state: what follows.
        source: the document log.
        clock: measures the lease.
        lease_s: how long the lease still holds once the follower fails.
    """

    def __init__(
        self, name: str, state: Follower, source: DocumentLog, clock: Clock, *, lease_s: float = LEASE_S
    ) -> None:
        self._name = name
        self._state = state
        self._source = source
        self._clock = clock
        self._lease_s = lease_s
        self._lease_ends = math.inf
        self._moved = asyncio.Event()
        self._applying = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None

    @property
    def position(self) -> int:
        """Sequence number of the last change that it applied."""
        return self._state.position

    @property
    def current(self) -> bool:
        """Whether the follower may be served."""
        return self._clock.monotonic() < self._lease_ends

    async def applied(self, position: int) -> None:
        """Wait until the follower has applied all up to `position`, or has lost its lease."""
        while self._state.position < position and self.current:
            self.wake()
            moved = self._moved
            left_s = self._lease_ends - self._clock.monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s if left_s < math.inf else None):
                    await moved.wait()

    async def catch_up(self) -> None:
        """Apply what is missing, here and now.

        Raises:
            SteadyragError: the follower or the log failed.
        """
        async with self._applying:
            while (after := self._state.position) < self._source.position:
                missed = await self._source.read(after, READ_CHANGES, timeout_s=STEP_TIMEOUT_S)
                await self._state.apply(missed, timeout_s=STEP_TIMEOUT_S)
                self._tell()
        self._lease_ends = math.inf

    async def aclose(self) -> None:
        """Stop following."""
        if self._following is not None:
            await end(self._following)

    def wake(self) -> None:
        """Catch up in the background."""
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow(), name=f"follow-{self._name}")

    async def _follow(self) -> None:
        """Catch up, however often it takes."""
        while self._state.position < self._source.position:
            try:
                await self.catch_up()
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the following: it is logged
                self._lease_ends = min(self._lease_ends, self._clock.monotonic() + self._lease_s)
                self._tell()
                log.warning("%s cannot follow the document log: %s", self._name, error)
                await asyncio.sleep(RETRY_PAUSE_S)

    def _tell(self) -> None:
        """Wake who waits in `applied`."""
        self._moved.set()
        self._moved = asyncio.Event()


class LeasedLexicalIndex:
    """A lexical index that answers only while it may be served."""

    def __init__(self, inner: LexicalIndex, lease: Lease) -> None:
        self._inner = inner
        self._lease = lease

    async def search(self, space: Space, text: str, limit: int, filters: Filters, *, timeout_s: float) -> list[Hit]:
        """See `rag.ports.LexicalIndex`.

        Raises:
            DependencyFailed: it has no lease.
        """
        found = await self._inner.search(space, text, limit, filters, timeout_s=timeout_s)
        if not self._lease.current:  # asked last: it may have run out on the way
            raise DependencyFailed("the lexical index is behind the document log")
        return found

    async def apply(self, changes: Sequence[Change], *, timeout_s: float) -> None:
        """See `rag.ports.LexicalIndex`."""
        await self._inner.apply(changes, timeout_s=timeout_s)

    @property
    def position(self) -> int:
        """See `rag.ports.LexicalIndex`."""
        return self._inner.position


class LeasedPassageStore:
    """A store that answers only while it may be served."""

    def __init__(self, inner: PassageStore, lease: Lease) -> None:
        self._inner = inner
        self._lease = lease
        self.documents = inner.documents
        self.document = inner.document

    async def passages(self, space: Space, ids: Sequence[str], *, timeout_s: float) -> dict[str, Passage]:
        """See `rag.ports.PassageStore`.

        Raises:
            DependencyFailed: it has no lease.
        """
        found = await self._inner.passages(space, ids, timeout_s=timeout_s)
        if not self._lease.current:
            raise DependencyFailed("the catalog is behind the document log")
        return found
