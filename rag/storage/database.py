"""One SQLite file, off the event loop: one writer, several readers, foreign errors mapped at the border."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from rag.errors import DataFolderCorrupt, DependencyFailed, DependencyTimeout, SteadyragError, StorageFull
from rag.storage.upgrades import Step, upgrade

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents(
    seq INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL,
    digest TEXT NOT NULL, title TEXT NOT NULL, url TEXT, metadata TEXT NOT NULL, at REAL NOT NULL,
    UNIQUE(tenant, collection, id)
);
CREATE INDEX IF NOT EXISTS present_documents ON documents(tenant) WHERE digest <> '';
CREATE TABLE IF NOT EXISTS passages(
    id TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL REFERENCES documents(seq) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL, text TEXT NOT NULL, heading TEXT NOT NULL, tokens INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS passages_by_document ON passages(seq, ordinal);
CREATE TABLE IF NOT EXISTS unsettled_points(passage_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs(
    id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, tenant TEXT NOT NULL, collection TEXT NOT NULL,
    state TEXT NOT NULL, total INTEGER NOT NULL, done INTEGER NOT NULL, unchanged INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL, updated REAL NOT NULL, failures TEXT NOT NULL, body BLOB
);
CREATE INDEX IF NOT EXISTS unfinished_jobs ON jobs(number) WHERE body IS NOT NULL;
CREATE TABLE IF NOT EXISTS dead_letters(
    number INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL,
    tenant TEXT NOT NULL, collection TEXT NOT NULL, document_id TEXT NOT NULL,
    reason TEXT NOT NULL, attempts INTEGER NOT NULL, at REAL NOT NULL, body BLOB NOT NULL,
    UNIQUE(tenant, collection, document_id)
);
CREATE TABLE IF NOT EXISTS keys(
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, roles TEXT NOT NULL, name TEXT NOT NULL,
    digest BLOB NOT NULL, created REAL NOT NULL, expires REAL
) WITHOUT ROWID;
"""


def map_error(error: sqlite3.Error, path: Path) -> SteadyragError:
    """SQLite's error as ours: the one table at this border."""
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith("SQLITE_FULL"):
        return StorageFull("the disk is full; nothing of this write was stored")
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return DataFolderCorrupt(f"{path} is damaged ({error}); restore a backup or use another data folder")
    return DependencyFailed(f"the database {path.name} failed: {error}")


class Database:
    """A SQLite file in WAL mode: a committed write survives kill -9, and readers never wait for the writer.

    Args:
        path: the file.
        schema: makes the tables that are not there.
        upgrades: make a file of an earlier version one of this; none where whoever opens it looks after its version.
        readers: reads side by side.

    Raises:
        DataFolderCorrupt: the file is damaged, or a later version wrote it.
    """

    def __init__(self, path: Path, schema: str = SCHEMA, *, upgrades: Sequence[Step] = (), readers: int = 4) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="db-write")
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="db-read")
        try:
            if upgrades:
                upgrade(self._connection(), path, upgrades)
            self._connection().executescript(schema)
        except sqlite3.Error as error:
            raise map_error(error, path) from error

    def now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the calling thread; for start-up only."""
        try:
            return _without_cursor(work(self._connection()))
        except sqlite3.Error as error:
            raise map_error(error, self._path) from error

    async def read(self, work: Callable[[sqlite3.Connection], T], *, timeout_s: float) -> T:
        """Run `work` on a reader's thread."""
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.get_running_loop().run_in_executor(self._readers, self.now, work)
        except TimeoutError:
            raise self._late(timeout_s) from None

    async def write(self, work: Callable[[sqlite3.Connection], T], *, timeout_s: float) -> T:
        """Run `work` in one transaction on the writer's thread: all of it, or nothing if it fails or takes too long."""
        if timeout_s <= 0:
            raise self._late(timeout_s)
        decided = threading.Lock()  # taken once, by whoever comes first: the commit, or the caller who gives up

        def transaction() -> T:
            connection = self._connection()
            try:
                with connection:
                    connection.execute("BEGIN IMMEDIATE")
                    result = _without_cursor(work(connection))
                    if not decided.acquire(blocking=False):
                        connection.rollback()
                    return result
            except sqlite3.Error as error:
                raise map_error(error, self._path) from error

        job = self._writer.submit(transaction)
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.wrap_future(job)
        except TimeoutError:
            if decided.acquire(blocking=False):
                raise self._late(timeout_s) from None
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            decided.acquire(blocking=False)
            raise

    async def aclose(self) -> None:
        """Finish what runs and close the file."""
        for pool in (self._writer, self._readers):
            await asyncio.to_thread(pool.shutdown)
        for connection in self._connections:
            connection.close()

    def _late(self, timeout_s: float) -> DependencyTimeout:
        return DependencyTimeout(f"the database {self._path.name} took longer than {timeout_s:.2f} s")

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._connections.append(connection)
            connection.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=5000;"
            )
            self._local.connection = connection
        return connection


def _without_cursor(result: T) -> T:
    """Refuse to hand out a cursor: let go on another thread, it resets a statement that this one may be running.

    Raises:
        TypeError: the work gave back a cursor.
    """
    if isinstance(result, sqlite3.Cursor):
        raise TypeError("work on a database gives back rows or nothing, never a cursor")
    return result
