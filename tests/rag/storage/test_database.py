from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rag.errors import DataFolderCorrupt, DependencyFailed, DependencyTimeout, SteadyragError, StorageFull
from rag.storage.database import Database, map_error
from tests.support.killed import DIE, run_until_killed

SCHEMA = "CREATE TABLE IF NOT EXISTS notes(id INTEGER PRIMARY KEY, text BLOB UNIQUE);"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "notes.db"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    database = Database(file, SCHEMA)
    yield database
    await database.aclose()


def insert(*texts: object) -> object:
    return lambda c: c.executemany("INSERT INTO notes(text) VALUES (?)", [(text,) for text in texts]).rowcount


async def write(database: Database, *texts: object, timeout_s: float = 10) -> int:
    return await database.write(insert(*texts), timeout_s=timeout_s)  # type: ignore[arg-type]


async def texts(database: Database) -> list[object]:
    rows = await database.read(lambda c: c.execute("SELECT text FROM notes ORDER BY id").fetchall(), timeout_s=10)
    return [text for (text,) in rows]


async def test_what_was_written_is_read_and_survives_closing(file: Path, database: Database) -> None:
    assert await write(database, "a", "b") == 2
    assert await texts(database) == ["a", "b"]
    await database.aclose()
    again = Database(file, SCHEMA)
    assert again.now(lambda c: c.execute("SELECT COUNT(*) FROM notes").fetchone()) == (2,)
    await again.aclose()


async def test_a_write_that_fails_in_the_middle_leaves_nothing(database: Database) -> None:
    with pytest.raises(DependencyFailed, match=r"notes\.db.*UNIQUE"):
        await write(database, "a", "b", "a")
    assert await texts(database) == []
    await write(database, "c")
    assert await texts(database) == ["c"]


async def test_an_error_of_the_work_itself_is_not_ours_to_map(database: Database) -> None:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes(text) VALUES ('a')")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(work, timeout_s=10)
    assert await texts(database) == []


async def test_writes_take_turns(database: Database) -> None:
    def count_and_add(connection: sqlite3.Connection) -> None:
        (n,) = connection.execute("SELECT COUNT(*) FROM notes").fetchone()
        connection.execute("INSERT INTO notes(text) VALUES (?)", (str(n),))

    await asyncio.gather(*(database.write(count_and_add, timeout_s=10) for _ in range(50)))
    assert await texts(database) == [str(n) for n in range(50)]


async def test_readers_do_not_wait_for_the_writer(database: Database) -> None:
    await write(database, "old")
    written, release = threading.Event(), threading.Event()

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes(text) VALUES ('new')")
        written.set()
        assert release.wait(10)

    writing = asyncio.create_task(database.write(work, timeout_s=10))
    await asyncio.to_thread(written.wait, 10)
    assert await texts(database) == ["old"]
    release.set()
    await writing
    assert await texts(database) == ["old", "new"]


async def test_a_write_that_takes_too_long_is_a_timeout_and_leaves_nothing(database: Database) -> None:
    release = threading.Event()

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes(text) VALUES ('late')")
        assert release.wait(10)

    with pytest.raises(DependencyTimeout, match=r"notes\.db"):
        await database.write(work, timeout_s=0.05)
    release.set()
    await write(database, "after")  # the one writer has dealt with the late one by then
    assert await texts(database) == ["after"]


async def test_a_write_whose_turn_never_came_leaves_nothing(database: Database) -> None:
    release = threading.Event()
    before = asyncio.create_task(database.write(lambda _: release.wait(10), timeout_s=10))
    await asyncio.sleep(0)
    with pytest.raises(DependencyTimeout):
        await write(database, "late", timeout_s=0.01)
    release.set()
    assert await before
    await write(database, "after")
    assert await texts(database) == ["after"]


async def test_a_write_that_was_told_to_be_late_was_not_stored(database: Database) -> None:
    kept = []
    for n in range(200):
        try:
            await write(database, n, timeout_s=n * 5e-6)
            kept.append(n)
        except DependencyTimeout:
            pass
    assert await texts(database) == kept
    assert 0 not in kept


async def test_a_cancelled_write_leaves_nothing(database: Database) -> None:
    started, release = threading.Event(), threading.Event()

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes(text) VALUES ('unwanted')")
        started.set()
        assert release.wait(10)

    writing = asyncio.create_task(database.write(work, timeout_s=10))
    await asyncio.to_thread(started.wait, 10)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    release.set()
    await write(database, "after")
    assert await texts(database) == ["after"]


async def test_reading_too_long_is_a_timeout(database: Database) -> None:
    release = threading.Event()
    with pytest.raises(DependencyTimeout):
        await database.read(lambda _: release.wait(10), timeout_s=0.02)
    release.set()


async def test_a_committed_write_survives_kill_9(file: Path) -> None:
    program = f"""
import asyncio
from pathlib import Path
from rag.storage.database import Database
async def main():
    database = Database(Path(sys.argv[1]), {SCHEMA!r})
    await database.write(lambda c: c.execute("INSERT INTO notes(text) VALUES ('kept')").rowcount, timeout_s=10)
    {DIE}
asyncio.run(main())
"""
    run_until_killed(program, file)
    database = Database(file, SCHEMA)
    assert await texts(database) == ["kept"]
    await database.aclose()


@pytest.mark.parametrize(
    "content", [b"this is not a database, and it is long enough to tell" * 50, b"SQLite format 3\0" * 8]
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(DataFolderCorrupt, match=r"notes\.db is damaged .*restore a backup"):
        Database(file, SCHEMA)
    assert file.read_bytes() == content


def damage(file: Path) -> None:
    pages = bytearray(file.read_bytes())
    pages[4096 * 3 :] = b"\xff" * (len(pages) - 4096 * 3)
    file.write_bytes(pages)


async def test_damage_found_later_is_told_as_such(file: Path, database: Database) -> None:
    await write(database, *(os.urandom(2_000) for _ in range(50)))
    await database.aclose()
    damage(file)
    damaged = Database(file, SCHEMA)
    with pytest.raises(DataFolderCorrupt, match="damaged"):
        await texts(damaged)
    await damaged.aclose()


def test_a_folder_that_does_not_exist_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DependencyFailed, match=r"notes\.db failed: unable to open"):
        Database(tmp_path / "absent" / "notes.db", SCHEMA)


async def test_a_database_at_its_bound_is_full_and_keeps_what_it_has(database: Database) -> None:
    await write(database, "kept")
    (pages,) = await database.write(lambda c: c.execute("PRAGMA page_count").fetchone(), timeout_s=10)
    await database.write(lambda c: c.execute(f"PRAGMA max_page_count={pages + 10}").fetchone(), timeout_s=10)
    with pytest.raises(StorageFull, match="nothing of this write was stored"):
        await write(database, "small", b"x" * 100_000)
    assert await texts(database) == ["kept"]
    await write(database, "fits")
    assert await texts(database) == ["kept", "fits"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 KB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting needs root")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


async def test_a_full_disk_refuses_the_write_and_keeps_what_it_has(tiny_disk: Path) -> None:
    database = Database(tiny_disk / "notes.db", SCHEMA)
    await write(database, "kept")
    with pytest.raises(StorageFull):
        await write(database, "small", b"x" * 1_000_000)
    assert await texts(database) == ["kept"]
    await write(database, "fits")
    await database.aclose()
    again = Database(tiny_disk / "notes.db", SCHEMA)
    assert await texts(again) == ["kept", "fits"]
    await again.aclose()


def test_a_database_cannot_be_made_on_a_full_disk(tiny_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        (tiny_disk / "rest").write_bytes(b"x" * 1_000_000)
    with pytest.raises(StorageFull):
        Database(tiny_disk / "notes.db", SCHEMA)


CODES = sorted({name for name in dir(sqlite3) if name.startswith("SQLITE_") and not name.startswith("SQLITE_LIMIT")})
FULL = {"SQLITE_FULL"}
CORRUPT = {name for name in CODES if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))}


@pytest.mark.parametrize("name", CODES)
def test_every_code_of_sqlite_is_mapped(name: str) -> None:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorname = name
    mapped = map_error(error, Path("notes.db"))
    expected = StorageFull if name in FULL else DataFolderCorrupt if name in CORRUPT else DependencyFailed
    assert type(mapped) is expected


@pytest.mark.parametrize(
    "kind", [sqlite3.Error, *sqlite3.Error.__subclasses__(), *sqlite3.DatabaseError.__subclasses__()]
)
def test_every_class_of_sqlite_error_is_mapped(kind: type[sqlite3.Error]) -> None:
    mapped = map_error(kind("what SQLite says"), Path("notes.db"))
    assert isinstance(mapped, SteadyragError)
    assert "what SQLite says" in mapped.message


@pytest.mark.parametrize("call", ["read", "write"])
async def test_a_cursor_does_not_leave_its_thread_and_nothing_is_kept(database, call):
    with pytest.raises(TypeError, match="cursor"):
        await getattr(database, call)(lambda c: c.execute("SELECT 1"), timeout_s=10)
    with pytest.raises(TypeError, match="cursor"):
        await database.write(lambda c: c.execute("INSERT INTO notes(text) VALUES ('lost')"), timeout_s=10)
    assert await database.read(lambda c: c.execute("SELECT text FROM notes").fetchall(), timeout_s=10) == []


def test_a_file_of_a_later_version_is_refused_before_it_is_touched(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(DataFolderCorrupt, match="has version 2, this steadyrag reads up to 1"):
        Database(file, SCHEMA, upgrades=[lambda _: None])
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == []
