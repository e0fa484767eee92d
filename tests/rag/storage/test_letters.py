from __future__ import annotations

import pytest

from rag.storage import letters as letters_module
from rag.storage.database import Database
from rag.storage.documents import SqliteDocumentLog
from rag.storage.jobs import Failure, Job, JobStore
from rag.storage.letters import DeadLetter, DeadLetters
from rag.types import Document, Space
from tests.support.changes import OTHER_COLLECTION, OTHER_TENANT, SPACE, change
from tests.support.clock import FakeClock

FAILURE = Failure("", "it is odd", 3)


@pytest.fixture
def letters(database: Database, clock: FakeClock) -> DeadLetters:
    return DeadLetters(database, clock)


@pytest.fixture
def jobs(database: Database, clock: FakeClock) -> JobStore:
    return JobStore(database, clock)


def document(document_id: str) -> Document:
    return Document(document_id, f"Text of {document_id}.", "Title", "markdown", "https://example.org", {"n": [1, "x"]})


async def add(letters: DeadLetters, jobs: JobStore, *ids: str, space: Space = SPACE) -> Job:
    """A job of the documents, all of which fail."""
    documents = [document(each) for each in ids]
    job = await jobs.add(space, documents, timeout_s=10)
    for each in documents:
        await letters.add(job, each, FAILURE, timeout_s=10)
    return job


async def listed(letters: DeadLetters, tenant: str = "default", after: int = 0, limit: int = 100) -> list[DeadLetter]:
    return await letters.listed(tenant, after=after, limit=limit, timeout_s=10)


def names(letters: list[DeadLetter]) -> list[str]:
    return [letter.document_id for letter in letters]


async def test_a_letter_says_what_failed_and_why(letters: DeadLetters, jobs: JobStore, clock: FakeClock) -> None:
    job = await add(letters, jobs, "a")
    (letter,) = await listed(letters)
    assert letter == DeadLetter(letter.id, job.id, "docs", "a", "it is odd", 3, clock.now_s)


async def test_letters_are_listed_in_pages_by_tenant(letters: DeadLetters, jobs: JobStore) -> None:
    await add(letters, jobs, "a", "b", "c")
    await add(letters, jobs, "theirs", space=OTHER_TENANT)
    first = await listed(letters, limit=2)
    assert names(first) == ["a", "b"]
    assert names(await listed(letters, after=first[-1].id)) == ["c"]
    assert names(await listed(letters, "other")) == ["theirs"]


async def test_of_a_document_the_latest_letter_stays(letters: DeadLetters, jobs: JobStore) -> None:
    await add(letters, jobs, "a", "b")
    last = await add(letters, jobs, "a")
    assert [(letter.document_id, letter.job_id == last.id) for letter in await listed(letters)] == [
        ("b", False),
        ("a", True),
    ]


async def test_the_documents_that_failed_are_fetched_by_collection(letters: DeadLetters, jobs: JobStore) -> None:
    await add(letters, jobs, "a", "b")
    await add(letters, jobs, "a", space=OTHER_COLLECTION)
    await add(letters, jobs, "a", space=OTHER_TENANT)
    (_, *rest) = await listed(letters)
    ids = [letter.id for letter in [*rest, *await listed(letters, "other")]]
    assert await letters.fetch("default", [*ids, 999], timeout_s=10) == {
        SPACE: [document("b")],
        OTHER_COLLECTION: [document("a")],
    }
    assert await letters.fetch("default", [], timeout_s=10) == {}


async def test_a_discarded_letter_is_gone(letters: DeadLetters, jobs: JobStore) -> None:
    await add(letters, jobs, "a", "b", "c")
    ids = [letter.id for letter in await listed(letters)]
    assert await letters.discard("other", ids, timeout_s=10) == 0
    assert await letters.discard("default", ids[:2], timeout_s=10) == 2
    assert await letters.discard("default", ids[:2], timeout_s=10) == 0
    assert names(await listed(letters)) == ["c"]


async def test_a_letter_goes_when_its_document_is_written(
    letters: DeadLetters, jobs: JobStore, database: Database, clock: FakeClock
) -> None:
    await add(letters, jobs, "a", "b", "c")
    log = SqliteDocumentLog(database, clock)
    await log.append([change("a", "newer"), change("b")], timeout_s=10)
    await log.append([change("c", "elsewhere", space=OTHER_COLLECTION)], timeout_s=10)
    assert names(await listed(letters)) == ["c"]


async def test_the_oldest_letters_go_and_it_is_said(
    letters: DeadLetters, jobs: JobStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(letters_module, "KEPT_LETTERS", 2)
    await add(letters, jobs, "a", "b", "c")
    assert names(await listed(letters)) == ["b", "c"]
    assert "1 of the oldest were dropped" in caplog.text
