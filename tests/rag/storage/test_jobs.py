from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag.storage import jobs as jobs_module
from rag.storage.database import Database
from rag.storage.jobs import JobState, JobStore
from rag.types import Document
from tests.contracts.job_store import JobStoreContract, MakeJobs, add, taken, update
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
def jobs(database: Database, clock: FakeClock) -> JobStore:
    return JobStore(database, clock)


class TestJobStore(JobStoreContract):
    @pytest.fixture
    def make_jobs(self, database: Database, clock: FakeClock) -> MakeJobs:
        return lambda **limits: JobStore(database, clock, **limits)


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


async def test_a_file_that_has_no_count_of_unchanged_documents_gets_one(
    jobs: JobStore, database: Database, clock: FakeClock
) -> None:
    job = await add(jobs)
    await database.write(lambda c: c.execute("ALTER TABLE jobs DROP COLUMN unchanged").fetchall(), timeout_s=10)
    for _ in range(2):
        assert await JobStore(database, clock).get("default", job.id, timeout_s=10) == job
    await jobs.update(job.after(2, unchanged=1), timeout_s=10)
    assert await taken(jobs) == job.after(2, unchanged=1)


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
