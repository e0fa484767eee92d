from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import DependencyFailed
from rag.storage.database import Database
from rag.storage.documents import SqliteDocumentLog, SqlitePassageStore
from rag.types import Change
from tests.contracts.document_log import DocumentLogContract, append, names, read
from tests.contracts.passage_store import PassageStoreContract
from tests.support.changes import OTHER_COLLECTION, OTHER_TENANT, SPACE, change, passage_id
from tests.support.clock import FakeClock
from tests.support.killed import DIE, run_until_killed


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    database = Database(file)
    yield database
    await database.aclose()


@pytest.fixture
def log(database: Database, clock: FakeClock) -> SqliteDocumentLog:
    return SqliteDocumentLog(database, clock)


@pytest.fixture
def store(database: Database) -> SqlitePassageStore:
    return SqlitePassageStore(database)


class TestSqliteDocumentLog(DocumentLogContract):
    @pytest.fixture
    def log(self, database: Database, clock: FakeClock) -> SqliteDocumentLog:
        return SqliteDocumentLog(database, clock)


class TestSqlitePassageStore(PassageStoreContract):
    @pytest.fixture
    def log(self, database: Database, clock: FakeClock) -> SqliteDocumentLog:
        return SqliteDocumentLog(database, clock)

    @pytest.fixture
    def store(self, database: Database) -> SqlitePassageStore:
        return SqlitePassageStore(database)


def stolen(document_id: str, text: str, owner: str) -> Change:
    """A change that cannot be stored: its passage has the id of another document's."""
    made = change(document_id, text)
    return replace(made, passages=(replace(made.passages[0], id=passage_id(owner, text)),))


async def test_a_failing_change_in_the_middle_stores_none(log: SqliteDocumentLog) -> None:
    before = await append(log, change("a", "text"), change("b", "old"))
    with pytest.raises(DependencyFailed):
        await append(log, change("b", "new"), stolen("c", "text", owner="a"), change("d", "text"))
    assert await read(log) == before
    assert log.position == 2
    assert log.position_of(SPACE) == 2
    assert [each.seq for each in await append(log, change("e", "text"))] == [3]


async def test_each_space_has_its_own_position(log: SqliteDocumentLog) -> None:
    assert log.position_of(SPACE) == 0
    await append(log, change("a", "text"), change("b", "text", space=OTHER_TENANT))
    await append(log, change("a"))
    assert [log.position_of(space) for space in (SPACE, OTHER_TENANT, OTHER_COLLECTION)] == [3, 2, 0]


async def test_positions_are_there_again_after_a_restart(
    log: SqliteDocumentLog, database: Database, clock: FakeClock
) -> None:
    await append(log, change("a", "text"), change("b", "text", space=OTHER_TENANT), change("b", space=OTHER_TENANT))
    again = SqliteDocumentLog(database, clock)
    assert again.position == log.position == 3
    assert [again.position_of(space) for space in (SPACE, OTHER_TENANT)] == [1, 3]


async def test_changes_carry_the_time_at_which_they_were_stored(log: SqliteDocumentLog, clock: FakeClock) -> None:
    clock.now_s = 42.5
    assert [each.at for each in await append(log, change("a", "text"))] == [42.5]
    assert [each.at for each in await read(log)] == [42.5]


async def test_what_was_appended_survives_kill_9(file: Path, clock: FakeClock) -> None:
    program = f"""
import asyncio
from pathlib import Path
from rag.storage.database import Database
from rag.storage.documents import SqliteDocumentLog
from tests.support.changes import change
from tests.support.clock import FakeClock
async def main():
    log = SqliteDocumentLog(Database(Path(sys.argv[1])), FakeClock())
    await log.append([change("a", "first")], timeout_s=10)
    await log.append([change("a", "second", "third"), change("b", "other")], timeout_s=10)
    {DIE}
asyncio.run(main())
"""
    run_until_killed(program, file)
    database = Database(file)
    log = SqliteDocumentLog(database, clock)
    kept = await read(log)
    assert [[passage.text for passage in each.passages] for each in kept] == [["second", "third"], ["other"]]
    assert [each.seq for each in kept] == [2, 3]
    await database.aclose()


async def test_digests_are_those_of_documents_that_exist(log: SqliteDocumentLog, store: SqlitePassageStore) -> None:
    a, b, _ = await append(log, change("a", "x"), change("b", "y"), change("c", "x", space=OTHER_TENANT))
    await append(log, change("b"))
    assert await store.digests(SPACE, ["a", "b", "c", "d"], timeout_s=10) == {"a": a.digest}
    assert await store.digests(SPACE, [], timeout_s=10) == {}
    assert b.digest


async def test_passage_ids_are_those_that_the_documents_have(log: SqliteDocumentLog, store: SqlitePassageStore) -> None:
    await append(log, change("a", "one", "two"), change("b", "three"), change("a", "four", space=OTHER_TENANT))
    await append(log, change("a", "two", "five"))
    expected = {passage_id("a", "two"), passage_id("a", "five")}
    assert await store.passage_ids(SPACE, ["a", "zz"], timeout_s=10) == expected
    assert await store.passage_ids(SPACE, ["a", "b"], timeout_s=10) == {*expected, passage_id("b", "three")}


async def test_collections_are_counted_and_empty_ones_left_out(
    log: SqliteDocumentLog, store: SqlitePassageStore
) -> None:
    await append(log, change("a", "one", "two"), change("b", "three"), change("c", "four", space=OTHER_COLLECTION))
    await append(log, change("a", "one", space=OTHER_TENANT))
    assert await store.collections("default", timeout_s=10) == [("docs", 2, 3), ("more", 1, 1)]
    await append(log, change("c", space=OTHER_COLLECTION))
    assert await store.collections("default", timeout_s=10) == [("docs", 2, 3)]
    assert await store.collections("nobody", timeout_s=10) == []


async def test_thousands_of_documents_are_replayed_in_order(log: SqliteDocumentLog) -> None:
    await append(log, *(change(f"{n:05}", "some text", "and more") for n in range(2_500)))
    first = await read(log, limit=2_000)
    assert names([*first, *await read(log, after=first[-1].seq)]) == [f"{n:05}" for n in range(2_500)]
    assert all(len(each.passages) == 2 for each in first)
