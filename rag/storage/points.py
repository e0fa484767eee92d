"""Which points of the dense index may differ from the log, so that a crash between the two can be mended.

Before points are written to the shards their ids are noted here; the transaction that appends to the log notes those
that it makes obsolete; once the shards have followed, the notes go. What is left at start was interrupted: a noted
point whose passage exists stays, any other is deleted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from rag.storage.database import Database


class UnsettledPoints:
    """The notes, in the same file as the log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, passage_ids: Iterable[str], *, timeout_s: float) -> None:
        """Remember that these points are about to be written."""
        rows = [(passage_id,) for passage_id in passage_ids]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR IGNORE INTO unsettled_points VALUES (?)", rows)

        await self._database.write(work, timeout_s=timeout_s)

    async def obsolete(self, *, timeout_s: float) -> list[str]:
        """Noted points that no passage stands behind: the shards must drop them."""
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT passage_id FROM unsettled_points WHERE passage_id NOT IN (SELECT id FROM passages)"
            ).fetchall(),
            timeout_s=timeout_s,
        )
        return [row[0] for row in rows]

    async def forget(self, passage_ids: Iterable[str], *, timeout_s: float) -> None:
        """Drop the notes of points about which shards and log agree."""
        rows = [(passage_id,) for passage_id in passage_ids]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM unsettled_points WHERE passage_id = ?", rows)

        await self._database.write(work, timeout_s=timeout_s)
