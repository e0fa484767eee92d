"""How a SQLite file of an earlier version becomes one of this: `user_version` tells how many steps it has behind it.

A step is never changed: a change of the tables is one more step, and stands in their `CREATE TABLE` too, for files made
anew. So each step must also do for a file without tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from rag.errors import DataFolderCorrupt

Step = Callable[[sqlite3.Connection], object]


def upgrade(connection: sqlite3.Connection, path: Path, steps: Sequence[Step]) -> None:
    """Take the steps that the file lacks, each whole or not at all.

    Raises:
        DataFolderCorrupt: it has steps behind it that this version does not know.
        sqlite3.Error: a step failed, and left nothing behind.
    """
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > len(steps):
        raise DataFolderCorrupt(
            f"{path} has version {found}, this steadyrag reads up to {len(steps)}: install the one that wrote it, or "
            "put a backup in its place: steadyrag restore --force FILE"
        )
    for number, step in enumerate(steps[found:], start=found + 1):
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            step(connection)
            connection.execute(f"PRAGMA user_version = {number}")


def _count_unchanged(connection: sqlite3.Connection) -> None:
    """Jobs tell how many of their documents were as before."""
    columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(jobs)")]
    if columns and "unchanged" not in columns:
        connection.execute("ALTER TABLE jobs ADD COLUMN unchanged INTEGER NOT NULL DEFAULT 0")


#: Of the catalog, whose tables are those of `rag.storage.database.SCHEMA`.
CATALOG: tuple[Step, ...] = (_count_unchanged,)
