from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rag.errors import DataFolderCorrupt
from rag.storage.database import SCHEMA
from rag.storage.upgrades import CATALOG, upgrade


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def version(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def test_only_the_steps_that_are_lacking_are_taken(connection: sqlite3.Connection, path: Path) -> None:
    taken: list[str] = []
    upgrade(connection, path, [lambda _: taken.append("one")])
    assert (taken, version(connection)) == (["one"], 1)
    upgrade(connection, path, [lambda _: taken.append("again"), lambda _: taken.append("two")])
    assert (taken, version(connection)) == (["one", "two"], 2)


def test_a_step_that_fails_leaves_nothing_behind(connection: sqlite3.Connection, path: Path) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half(x)")
        connection.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(sqlite3.OperationalError):
        upgrade(connection, path, [lambda c: c.execute("CREATE TABLE whole(x)"), half])
    assert version(connection) == 1
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("whole",)]


def test_a_later_version_is_refused_with_what_mends_it(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA user_version = 7")
    with pytest.raises(DataFolderCorrupt, match=r"has version 7, this steadyrag reads up to 0.*steadyrag restore"):
        upgrade(connection, path, [])
    assert version(connection) == 7


def test_the_first_catalog_becomes_one_of_this_version(connection: sqlite3.Connection, path: Path) -> None:
    connection.executescript(SCHEMA.replace("unchanged INTEGER NOT NULL DEFAULT 0,", ""))
    row = ("job_a", 1, "default", "c", "done", 2, 2, 0.0, 0.0, "[]", None)
    connection.execute(f"INSERT INTO jobs VALUES ({','.join('?' * len(row))})", row)
    upgrade(connection, path, CATALOG)
    assert connection.execute("SELECT id, unchanged FROM jobs").fetchall() == [("job_a", 0)]


def test_all_steps_make_the_tables_that_a_new_file_has(connection: sqlite3.Connection, path: Path) -> None:
    upgrade(connection, path, CATALOG)
    connection.executescript(SCHEMA)
    upgrade(connection, path, CATALOG)
    with closing(sqlite3.connect(":memory:")) as anew:
        anew.executescript(SCHEMA)
        query = "SELECT name, sql FROM sqlite_schema ORDER BY name"
        assert connection.execute(query).fetchall() == anew.execute(query).fetchall()
    assert version(connection) == len(CATALOG)
