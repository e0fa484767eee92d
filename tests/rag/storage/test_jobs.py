from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag.errors import DependencyTimeout
from rag.storage import jobs as jobs_module
from rag.storage.database import Database
from rag.storage.jobs import Failure, Job, JobState, JobStore
from rag.types import Document
from tests.support.changes import OTHER_TENANT, SPACE
from tests.support.clock import FakeClock
from tests.support.killed import DIE, run_until_killed

DOCUMENTS = [
    Document("a", "Ein Text über Flüsse.", "Title", "markdown", "https://example.org", {"lang": "de", "tags": ["x"]}),
    Document("b", "plain"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    database = Database(file)
    yield database
    await database.aclose()


@pytest.fixture
def jobs(database: Database, clock: FakeClock) -> JobStore:
    return JobStore(database, clock)


async def add(jobs: JobStore) -> Job:
    return await jobs.add(SPACE, DOCUMENTS, timeout_s=10)


async def update(jobs: JobStore, job: Job, state: JobState, done: int = 0, failures: tuple[Failure, ...] = ()) -> None:
    await jobs.update(job.id, state, done, failures, timeout_s=10)


async def test_a_job_is_queued_with_its_documents(jobs: JobStore, clock: FakeClock) -> None:
    job = await add(jobs)
    assert job == Job(job.id, SPACE, JobState.QUEUED, 2, 0, clock.now_s, clock.now_s)
    assert await jobs.get("default", job.id, timeout_s=10) == job
    assert await jobs.next(timeout_s=10) == (job, DOCUMENTS)


async def test_jobs_have_names_of_their_own(jobs: JobStore) -> None:
    assert len({(await add(jobs)).id for _ in range(10)}) == 10


async def test_only_its_tenant_sees_a_job(jobs: JobStore) -> None:
    job = await jobs.add(OTHER_TENANT, DOCUMENTS, timeout_s=10)
    assert await jobs.get("default", job.id, timeout_s=10) is None
    assert await jobs.get("other", job.id, timeout_s=10) == job
    assert await jobs.get("other", "job_of_nobody", timeout_s=10) is None


async def test_jobs_come_in_the_order_in_which_they_were_added(jobs: JobStore) -> None:
    first, second = await add(jobs), await add(jobs)
    assert (await jobs.next(timeout_s=10) or [None])[0] == first
    await update(jobs, first, JobState.DONE, 2)
    assert (await jobs.next(timeout_s=10) or [None])[0] == second
    await update(jobs, second, JobState.FAILED, 2)
    assert await jobs.next(timeout_s=10) is None


async def test_a_job_under_way_comes_again_whole(jobs: JobStore) -> None:
    job = await add(jobs)
    await update(jobs, job, JobState.RUNNING, 1)
    found = await jobs.next(timeout_s=10)
    assert found is not None
    assert (found[0].id, found[0].state, found[0].done, found[1]) == (job.id, JobState.RUNNING, 1, DOCUMENTS)


async def test_progress_and_failures_are_told(jobs: JobStore, clock: FakeClock) -> None:
    job = await add(jobs)
    clock.advance(5)
    failures = (Failure("a", "no text"), Failure("b", 'odd "quotes"'))
    await update(jobs, job, JobState.FAILED, 2, failures)
    told = await jobs.get("default", job.id, timeout_s=10)
    assert told == Job(job.id, SPACE, JobState.FAILED, 2, 2, job.created, job.created + 5, failures)


async def test_a_finished_job_gives_up_its_documents(jobs: JobStore, database: Database) -> None:
    job = await add(jobs)
    await update(jobs, job, JobState.DONE, 2)
    body = await database.read(lambda c: c.execute("SELECT body FROM jobs").fetchone(), timeout_s=10)
    assert body == (None,)


async def test_the_oldest_finished_jobs_go(jobs: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "KEPT_JOBS", 3)
    waiting = await add(jobs)
    finished = [await add(jobs) for _ in range(6)]
    for job in finished:
        await update(jobs, job, JobState.DONE, 2)
    kept = [job for job in [waiting, *finished] if await jobs.get("default", job.id, timeout_s=10)]
    assert kept == [waiting, *finished[-3:]]


async def test_an_accepted_job_survives_kill_9(file: Path, clock: FakeClock) -> None:
    program = f"""
import asyncio
from pathlib import Path
from rag.storage.database import Database
from rag.storage.jobs import JobStore
from rag.types import Document, Space
from tests.support.clock import FakeClock
async def main():
    jobs = JobStore(Database(Path(sys.argv[1])), FakeClock())
    await jobs.add(Space("default", "docs"), [Document("a", "text")], timeout_s=10)
    {DIE}
asyncio.run(main())
"""
    run_until_killed(program, file)
    database = Database(file)
    found = await JobStore(database, clock).next(timeout_s=10)
    assert found is not None
    assert found[1] == [Document("a", "text")]
    await database.aclose()


async def test_no_time_is_a_timeout_and_no_job(jobs: JobStore) -> None:
    with pytest.raises(DependencyTimeout):
        await jobs.add(SPACE, DOCUMENTS, timeout_s=0)
    assert await jobs.next(timeout_s=10) is None
