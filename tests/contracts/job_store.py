"""What every job queue keeps; subclass it and give the fixture `make_jobs`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rag.errors import DependencyTimeout, Overloaded
from rag.storage.jobs import FULL_RETRY_S, Failure, Job, JobState, JobStore, packed
from rag.types import Document
from tests.support.changes import OTHER_TENANT, SPACE
from tests.support.clock import FakeClock

DOCUMENTS = [
    Document("a", "Ein Text über Flüsse.", "Title", "markdown", "https://example.org", {"lang": "de", "tags": ["x"]}),
    Document("b", "plain"),
]
#: A queue with the given limits; of any two made in one test, the second replaces the first.
MakeJobs = Callable[..., JobStore]


async def add(jobs: JobStore) -> Job:
    """A job in the queue."""
    return await jobs.add(SPACE, DOCUMENTS, timeout_s=10)


async def taken(jobs: JobStore) -> Job:
    """The job whose turn it is."""
    found = await jobs.next(timeout_s=10)
    assert found is not None
    return found[0]


async def update(jobs: JobStore, job: Job, state: JobState, done: int = 0, failures: tuple[Failure, ...] = ()) -> None:
    """Record progress."""
    await jobs.update(replace(job, state=state, done=done, failures=failures), timeout_s=10)


class JobStoreContract:
    """The queue's promises."""

    @pytest.fixture
    def make_jobs(self) -> MakeJobs:
        """Makes the queue under test, empty."""
        raise NotImplementedError

    @pytest.fixture
    def jobs(self, make_jobs: MakeJobs) -> JobStore:
        """The queue under test."""
        return make_jobs()

    async def test_a_job_is_queued_with_its_documents(self, jobs: JobStore, clock: FakeClock) -> None:
        job = await add(jobs)
        assert job == Job(job.id, SPACE, JobState.QUEUED, 2, 0, clock.now_s, clock.now_s)
        assert await jobs.get("default", job.id, timeout_s=10) == job
        assert await jobs.next(timeout_s=10) == (job, DOCUMENTS)

    async def test_jobs_have_names_of_their_own(self, jobs: JobStore) -> None:
        assert len({(await add(jobs)).id for _ in range(10)}) == 10

    async def test_only_its_tenant_sees_a_job(self, jobs: JobStore) -> None:
        job = await jobs.add(OTHER_TENANT, DOCUMENTS, timeout_s=10)
        assert await jobs.get("default", job.id, timeout_s=10) is None
        assert await jobs.get("other", job.id, timeout_s=10) == job
        assert await jobs.get("other", "job_of_nobody", timeout_s=10) is None

    async def test_jobs_come_in_the_order_in_which_they_were_added(self, jobs: JobStore) -> None:
        first, second = await add(jobs), await add(jobs)
        assert await taken(jobs) == first
        await update(jobs, first, JobState.DONE, 2)
        assert await taken(jobs) == second
        await update(jobs, second, JobState.FAILED, 2)
        assert await jobs.next(timeout_s=10) is None

    async def test_an_empty_queue_has_no_next(self, jobs: JobStore) -> None:
        assert await jobs.next(timeout_s=10) is None

    async def test_a_job_under_way_comes_again_whole(self, jobs: JobStore) -> None:
        job = await add(jobs)
        await add(jobs)
        await taken(jobs)
        await update(jobs, job, JobState.RUNNING, 1)
        found = await jobs.next(timeout_s=10)
        assert found is not None
        assert (found[0].id, found[0].state, found[0].done, found[1]) == (job.id, JobState.RUNNING, 1, DOCUMENTS)

    async def test_progress_and_failures_are_told(self, jobs: JobStore, clock: FakeClock) -> None:
        job = await add(jobs)
        await taken(jobs)
        clock.advance(5)
        failures = (Failure("a", "no text"), Failure("b", 'odd "quotes"', 7))
        ended = replace(job, state=JobState.FAILED).after(1, unchanged=1).after(1, failures=failures)
        await jobs.update(ended, timeout_s=10)
        told = await jobs.get("default", job.id, timeout_s=10)
        assert told == Job(job.id, SPACE, JobState.FAILED, 2, 2, job.created, job.created + 5, failures, 1)

    async def test_more_jobs_than_may_wait_are_refused_until_one_is_done(self, make_jobs: MakeJobs) -> None:
        jobs = make_jobs(max_jobs=2)
        first, _ = await add(jobs), await add(jobs)
        with pytest.raises(Overloaded) as refused:
            await add(jobs)
        assert refused.value.retry_after_s == FULL_RETRY_S
        await taken(jobs)
        await update(jobs, first, JobState.RUNNING, 1)
        with pytest.raises(Overloaded):
            await add(jobs)
        await update(jobs, first, JobState.DONE, 2)
        await add(jobs)

    async def test_more_bytes_than_may_wait_are_refused_but_for_a_job_alone(self, make_jobs: MakeJobs) -> None:
        jobs = make_jobs(max_bytes=2 * len(packed(DOCUMENTS)))
        large = [Document("large", "".join(chr(33 + n * n % 9_000) for n in range(10_000)))]
        job = await jobs.add(SPACE, large, timeout_s=10)
        with pytest.raises(Overloaded):
            await add(jobs)
        assert await taken(jobs) == job
        await update(jobs, job, JobState.DONE, 1)
        await add(jobs)
        await add(jobs)
        with pytest.raises(Overloaded):
            await add(jobs)

    async def test_no_time_is_a_timeout_and_no_job(self, jobs: JobStore) -> None:
        with pytest.raises(DependencyTimeout):
            await jobs.add(SPACE, DOCUMENTS, timeout_s=0)
        assert await jobs.next(timeout_s=10) is None
