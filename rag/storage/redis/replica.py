"""One replica's view of the shared log: folded into a catalog of its own, and served under a lease.

Redis numbers the writes. Every replica applies them, in order and under the same numbers, to its own SQLite catalog,
so that reads stay local and all that follows the log follows the catalog, as it does on one machine. A write is
reported as done when every replica with a lease has applied it; a replica without one does not answer.
"""

from __future__ import annotations

import asyncio
import logging
import math
import uuid
from collections.abc import Sequence
from pathlib import Path

from rag.errors import DataFolderCorrupt, DependencyFailed, SteadyragError
from rag.ingestion.following import LEASE_S, LogFollower
from rag.ingestion.together import Together
from rag.storage.documents import SqliteDocumentLog
from rag.storage.redis.followers import RedisFollowers
from rag.storage.redis.log import RedisDocumentLog
from rag.tasks import end
from rag.types import Change, Clock, Space

log = logging.getLogger(__name__)

#: Between two looks at the log, each of which renews the lease.
BEAT_S = 0.2
#: What Redis may take at the start, when this process is busy with itself; nobody waits for it yet.
START_TIMEOUT_S = 10.0
#: Between two looks at who is still behind.
POLL_S = 0.02


class Replica:
    """A `DocumentLog` that replicas share.

    Args:
        name: of this replica, like no other's.
        shared: the log in Redis.
        catalog: this replica's copy of what the log says.
        followers: the register of replicas.
        clock: measures this replica's lease.
    """

    def __init__(
        self,
        name: str,
        shared: RedisDocumentLog,
        catalog: SqliteDocumentLog,
        followers: RedisFollowers,
        clock: Clock,
    ) -> None:
        self._name = name
        self._shared = shared
        self._catalog = catalog
        self._followers = followers
        self._clock = clock
        self._fold = LogFollower("the catalog", catalog, shared, clock)
        self._local: LogFollower | Together | None = None
        self._lease_ends = clock.monotonic()
        self._beating: asyncio.Task[None] | None = None

    @property
    def position(self) -> int:
        """See `rag.ports.DocumentLog`; of this replica's catalog."""
        return self._catalog.position

    def position_of(self, space: Space) -> int:
        """Sequence number of the last change to the space.

        Raises:
            DependencyFailed: this replica has no lease, so that others may have written what it does not know.
        """
        if not self.current:
            raise DependencyFailed("this replica cannot hear the document log")
        return self._catalog.position_of(space)

    async def append(self, changes: Sequence[Change], *, timeout_s: float) -> list[Change]:
        """See `rag.ports.DocumentLog`."""
        known = self._catalog.position
        stored = await self._shared.append(changes, timeout_s=timeout_s)
        if stored:
            _ensure_later(stored[-1].seq, known + 1)
        await self._fold.catch_up()
        return stored

    async def read(self, after: int, limit: int, *, timeout_s: float) -> list[Change]:
        """See `rag.ports.DocumentLog`."""
        return await self._catalog.read(after, limit, timeout_s=timeout_s)

    @property
    def current(self) -> bool:
        """Whether this replica may answer."""
        return self._clock.monotonic() < self._lease_ends

    def lead(self, local: LogFollower | Together) -> None:
        """Name what follows the catalog: where it stands is where this replica stands."""
        self._local = local

    async def applied(self, position: int) -> None:
        """Wait until all that may be served, here and on other replicas, has applied all up to `position`."""
        if self._local is not None:
            await self._local.applied(position)
        while set(await self._followers.behind(position, timeout_s=LEASE_S)) - {self._name}:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)  # other processes have no event of ours to set

    async def catch_up(self) -> None:
        """Apply all that was written while this replica was away, and take a lease.

        Raises:
            SteadyragError: Redis or a follower failed.
            ConfigError: what is in Redis is of another format.
        """
        await self._shared.check_format(timeout_s=START_TIMEOUT_S)
        await self._hear(START_TIMEOUT_S)
        if self._local is not None:
            await self._local.catch_up()
        await self.beat(timeout_s=START_TIMEOUT_S)

    def start(self) -> None:
        """Follow the log until `aclose`."""
        self._beating = asyncio.create_task(self._beat_on(), name="replica")

    async def aclose(self) -> None:
        """Stop following, and let nobody wait for this replica."""
        if self._beating is None:
            return
        await end(self._beating)
        self._lease_ends = -math.inf  # from here on nobody waits for what this replica has not heard
        try:
            await self._followers.leave(self._name, timeout_s=LEASE_S)
        except SteadyragError as error:  # the lease runs out by itself
            log.warning("the lease could not be given back: %s", error.message)

    async def beat(self, *, timeout_s: float = LEASE_S) -> None:
        """Fold what is new, say how far this replica is, and renew its lease; each step within `timeout_s`.

        Raises:
            SteadyragError: Redis or the catalog failed; the lease runs on as it was.
        """
        await self._hear(timeout_s)
        asked = self._clock.monotonic()  # Redis counts from later, so the lease here ends first
        if not await self._followers.renew(self._name, self._position(), lease_s=LEASE_S, timeout_s=timeout_s):
            await self._hear(timeout_s)  # a write that was done without this one may have come since it last listened
        self._lease_ends = asked + LEASE_S
        if self._local is not None:
            self._local.wake()

    async def _hear(self, timeout_s: float) -> None:
        """Fold what others have written."""
        known = self._catalog.position
        _ensure_later(await self._shared.refresh(timeout_s=timeout_s), known)
        await self._fold.catch_up()

    def _position(self) -> int:
        """What this replica has applied; a follower that may not be served holds nobody up."""
        local = self._local
        return self._catalog.position if local is None or not local.current else local.position

    async def _beat_on(self) -> None:
        while True:
            try:
                await self.beat()
            except Exception as error:  # noqa: BLE001 - whatever it is, following must go on: it is logged
                log.warning("replica %s cannot follow the document log: %s", self._name, error)
            await asyncio.sleep(BEAT_S)


def _ensure_later(position: int, known: int) -> None:
    """Refuse a log that has forgotten what this replica knows.

    Raises:
        DataFolderCorrupt: as after Redis lost its data, or when the data folder belongs to another log.
    """
    if position < known:
        raise DataFolderCorrupt(
            f"the log in Redis ends at {position}, this data folder knows of {known}: restore Redis, or name its log"
        )


def replica_name(folder: Path) -> str:
    """The name of the replica whose data lies in `folder`: made once, the same after every restart."""
    file = folder / "replica"
    if not file.exists():
        part = file.with_suffix(".part")
        part.write_text(uuid.uuid4().hex)
        part.replace(file)
    return file.read_text()
