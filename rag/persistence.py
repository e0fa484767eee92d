"""What the settings name to keep documents in: the part of the composition root that knows what serves storage."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.errors import ConfigError
from rag.ingestion.following import LeasedPassageStore
from rag.ports import PassageStore
from rag.settings import Settings
from rag.storage import upgrades
from rag.storage.database import Database
from rag.storage.documents import SqliteDocumentLog, SqlitePassageStore
from rag.storage.folder import DataFolder
from rag.storage.jobs import JobStore
from rag.storage.keys import SqliteKeyStore
from rag.storage.letters import DeadLetters
from rag.storage.points import UnsettledPoints
from rag.types import Clock

if TYPE_CHECKING:
    from rag.storage.redis.jobs import RedisJobStore
    from rag.storage.redis.keys import RedisKeyStore
    from rag.storage.redis.replica import Replica

REDIS = ("redis://", "rediss://", "unix://")


@dataclass(frozen=True, slots=True)
class Storage:
    """The log, the state that it describes, and the memory of ingestion; `replica` is the log where it is shared."""

    log: SqliteDocumentLog | Replica
    jobs: JobStore | RedisJobStore
    keys: SqliteKeyStore | RedisKeyStore
    replica: Replica | None
    store: SqlitePassageStore
    letters: DeadLetters
    points: UnsettledPoints

    def leased(self, store: PassageStore) -> PassageStore:
        """The store, which answers only while this replica's lease holds, where the log is shared."""
        return store if self.replica is None else LeasedPassageStore(store, self.replica)


def open_storage(settings: Settings, folder: DataFolder, clock: Clock, stack: AsyncExitStack) -> Storage:
    """The storage of `LOG__URL`, closed with the stack.

    Raises:
        ConfigError: there is no such log, its client is missing, or a part of the data folder is.
    """
    catalog = folder.path / "catalog.db"
    folder.require(catalog)
    database = Database(catalog, upgrades=upgrades.CATALOG)
    stack.push_async_callback(database.aclose)
    log = SqliteDocumentLog(database, clock)
    if log.position:
        folder.require_format(catalog)
    kept = SqlitePassageStore(database), DeadLetters(database, clock), UnsettledPoints(database)
    limits = {"max_jobs": settings.ingestion.max_jobs, "max_bytes": settings.ingestion.max_bytes}
    if settings.log.url == "sqlite:":
        return Storage(log, JobStore(database, clock, **limits), SqliteKeyStore(database), None, *kept)
    if not settings.log.url.startswith(REDIS):
        raise ConfigError(f"STEADYRAG_LOG__URL={settings.log.url!r}: use sqlite: or redis://host:6379/0")
    try:
        from rag.storage.redis.join import join  # noqa: PLC0415 - an extra, which only this back end needs
    except ImportError:
        raise ConfigError("STEADYRAG_LOG__URL needs Redis' client; run: pip install 'steadyrag[redis]'") from None
    replica, jobs, keys = join(settings.log.url, folder.path, log, clock, stack, **limits)
    return Storage(replica, jobs, keys, replica, *kept)
