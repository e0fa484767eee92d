from __future__ import annotations

import pytest

from rag.storage.database import Database
from rag.storage.documents import SqliteDocumentLog
from rag.storage.points import UnsettledPoints
from tests.support.changes import change, passage_id
from tests.support.clock import FakeClock

NEW, OLD, KEPT = (passage_id("a", text) for text in ("new", "old", "kept"))


@pytest.fixture
def log(database: Database, clock: FakeClock) -> SqliteDocumentLog:
    return SqliteDocumentLog(database, clock)


@pytest.fixture
def points(database: Database) -> UnsettledPoints:
    return UnsettledPoints(database)


async def obsolete(points: UnsettledPoints) -> list[str]:
    return sorted(await points.obsolete(timeout_s=10))


async def test_a_point_that_was_written_but_never_logged_is_obsolete(points: UnsettledPoints) -> None:
    assert await obsolete(points) == []
    await points.note([NEW], timeout_s=10)
    await points.note([NEW], timeout_s=10)
    assert await obsolete(points) == [NEW]


async def test_a_point_whose_passage_exists_is_not(points: UnsettledPoints, log: SqliteDocumentLog) -> None:
    await points.note([NEW], timeout_s=10)
    await log.append([change("a", "new")], timeout_s=10)
    assert await obsolete(points) == []


async def test_the_log_notes_what_a_change_makes_obsolete(points: UnsettledPoints, log: SqliteDocumentLog) -> None:
    await log.append([change("a", "old", "kept")], timeout_s=10)
    await log.append([change("a", "kept", "new")], timeout_s=10)
    assert await obsolete(points) == [OLD]
    await log.append([change("a")], timeout_s=10)
    assert await obsolete(points) == sorted([OLD, KEPT, NEW])


async def test_a_forgotten_note_is_gone(points: UnsettledPoints) -> None:
    await points.note([NEW, OLD], timeout_s=10)
    await points.forget([NEW, KEPT], timeout_s=10)
    assert await obsolete(points) == [OLD]
    await points.forget([], timeout_s=10)
    await points.note([], timeout_s=10)
    assert await obsolete(points) == [OLD]
