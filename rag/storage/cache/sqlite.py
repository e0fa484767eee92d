"""Stored answers in the data folder, so that a restart finds them again."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from pathlib import Path

from rag.ports import CacheNews, Dropped, Kept
from rag.storage.database import Database
from rag.types import Clock

SCHEMA = """
CREATE TABLE IF NOT EXISTS answers(
    number INTEGER PRIMARY KEY AUTOINCREMENT, cache TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, expires_at REAL NOT NULL, body BLOB NOT NULL
);
"""
#: Raised with every change of the table. Each answer's body has a format of its own; see `rag.pipeline.stored`.
FORMAT = 1
PAGE = 200


class SqliteCacheStore:
    """A `CacheStore` of one process, in a file of its own: what it holds may be lost, documents may not.

    Args:
        path: the file.
        cache: what the answers depend on; those of another one are let go of.
        clock: tells what has expired.
        max_entries: past it the answers that were stored first go.

    Raises:
        DataFolderCorrupt: the file is damaged.
    """

    def __init__(self, path: Path, cache: str, clock: Clock, *, max_entries: int) -> None:
        self._cache = cache
        self._clock = clock
        self._max_entries = max_entries
        self._database = Database(path, "", readers=1)
        self._database.now(_begin)

    async def write(self, records: Sequence[Kept | Dropped], *, timeout_s: float) -> None:
        """See `rag.ports.CacheStore`; all records or none."""

        def work(connection: sqlite3.Connection) -> None:
            for record in records:
                if isinstance(record, Dropped):
                    connection.execute("DELETE FROM answers WHERE name = ?", (record.name,))
                else:
                    connection.execute(
                        "INSERT OR REPLACE INTO answers(cache, key, name, expires_at, body) VALUES (?,?,?,?,?)",
                        (self._cache, record.key, record.name, record.expires_at, record.body),
                    )
            self._tidy(connection)

        if records:
            await self._database.write(work, timeout_s=timeout_s)

    async def everything(self, *, timeout_s: float) -> AsyncGenerator[CacheNews, None]:
        """See `rag.ports.CacheStore`."""
        await self._database.write(self._tidy, timeout_s=timeout_s)
        page = CacheNews((), "0")
        while True:
            page = await self._database.read(partial(_after, page.position), timeout_s=timeout_s)
            yield page
            if not page.records:
                return

    async def news(self, after: str, *, timeout_s: float) -> CacheNews | None:
        """See `rag.ports.CacheStore`; nobody else writes."""
        return CacheNews((), after)

    async def aclose(self) -> None:
        """Close the file."""
        await self._database.aclose()

    def _tidy(self, connection: sqlite3.Connection) -> None:
        """Let go of what has expired, is of another cache, or is over the bound."""
        connection.execute("DELETE FROM answers WHERE expires_at <= ? OR cache <> ?", (self._clock.now(), self._cache))
        connection.execute(
            "DELETE FROM answers WHERE number <= (SELECT number FROM answers ORDER BY number DESC LIMIT 1 OFFSET ?)",
            (self._max_entries,),
        )


def _begin(connection: sqlite3.Connection) -> None:
    """Make the table, in the place of one of another format."""
    if connection.execute("PRAGMA user_version").fetchone() != (FORMAT,):
        connection.executescript(f"DROP TABLE IF EXISTS answers; PRAGMA user_version = {FORMAT};")
    connection.executescript(SCHEMA)


def _after(position: str, connection: sqlite3.Connection) -> CacheNews:
    query = "SELECT number, key, name, expires_at, body FROM answers WHERE number > ? ORDER BY number LIMIT ?"
    rows = connection.execute(query, (int(position), PAGE)).fetchall()
    return CacheNews([Kept(*fields) for _, *fields in rows], str(rows[-1][0]) if rows else position)
