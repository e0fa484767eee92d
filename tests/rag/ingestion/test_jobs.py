from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.errors import DataFolderCorrupt, DependencyFailed, InvalidRequest, Overloaded, SteadyragError, StorageFull
from rag.ingestion import jobs as jobs_module
from rag.ingestion.jobs import JobWorker
from rag.ingestion.writer import Written
from rag.resilience.retry import RetryPolicy
from rag.storage.jobs import Failure, Job, JobState
from rag.storage.letters import DeadLetter
from rag.types import Document, Space
from tests.support.changes import OTHER_TENANT, SPACE
from tests.support.failing import Failing
from tests.support.gate import Gate
from tests.support.write_path import WritePath, document, opened

DOCUMENTS = [document(key, f"{key}fruit") for key in "abcde"]
ATTEMPTS = 4
AT_ONCE = RetryPolicy(attempts=ATTEMPTS, base_s=0, cap_s=0)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "BATCH", 2)


@pytest.fixture
async def path(scratch: Path) -> AsyncIterator[WritePath]:
    async with opened(scratch) as path:
        yield path


@pytest.fixture
def jobs(path: WritePath) -> Failing:
    return Failing(path.jobs)


@pytest.fixture
async def worker(path: WritePath, jobs: Any) -> AsyncIterator[JobWorker]:
    worker = JobWorker(jobs, path.letters, path.writer, retries=AT_ONCE)
    yield worker
    await worker.aclose()


async def submit(worker: JobWorker, documents: Sequence[Document] = DOCUMENTS, space: Space = SPACE) -> Job:
    return await worker.submit(space, documents, timeout_s=10)


async def finished(path: WritePath, job: Job) -> Job:
    """The job as it is told once it has ended."""
    async with asyncio.timeout(10):
        while True:
            told = await path.jobs.get(job.space.tenant, job.id, timeout_s=10)
            assert told is not None
            if told.state in {JobState.DONE, JobState.FAILED}:
                return told


async def test_a_job_stores_its_documents(path: WritePath, worker: JobWorker) -> None:
    worker.start()
    job = await submit(worker)
    told = await finished(path, job)
    assert (told.state, told.total, told.done, told.failures) == (JobState.DONE, 5, 5, ())
    assert list(await path.documents()) == list("abcde")
    await path.check_agreement()


async def test_jobs_run_in_the_order_in_which_they_came(path: WritePath, worker: JobWorker) -> None:
    first = await submit(worker, [document("a", "one")])
    second = await submit(worker, [document("a", "two")])
    other = await submit(worker, [document("a", "three")], OTHER_TENANT)
    worker.start()
    assert {(await finished(path, job)).state for job in (first, second, other)} == {JobState.DONE}
    assert [each.heading for each in (await path.documents())["a"].passages] == ["two"]
    assert [each.heading for each in (await path.documents(OTHER_TENANT))["a"].passages] == ["three"]


async def test_a_worker_that_rests_wakes_up(path: WritePath, worker: JobWorker) -> None:
    worker.start()
    for key in "ab":
        job = await submit(worker, [document(key, key)])
        assert (await finished(path, job)).state == JobState.DONE
    assert list(await path.documents()) == ["a", "b"]


async def test_jobs_that_others_submit_are_found(path: WritePath) -> None:
    worker = JobWorker(path.jobs, path.letters, path.writer, poll_s=0)
    worker.start()
    job = await path.jobs.add(SPACE, DOCUMENTS[:1], timeout_s=10)
    assert (await finished(path, job)).state == JobState.DONE
    await worker.aclose()


async def test_progress_is_told_between_batches(path: WritePath, worker: JobWorker) -> None:
    await path.writer.put(SPACE, DOCUMENTS[:2])  # the first batch passes the gate: it is unchanged
    gate = Gate(path.embedder, "embed")
    worker.start()
    job = await submit(worker)
    await gate.reached()
    told = await path.jobs.get("default", job.id, timeout_s=10)
    assert told is not None
    assert (told.state, told.done) == (JobState.RUNNING, 2)
    gate.open.set()
    assert (await finished(path, job)).done == 5


async def test_unchanged_documents_are_counted(path: WritePath, worker: JobWorker) -> None:
    await path.writer.put(SPACE, DOCUMENTS[:3])
    worker.start()
    told = await finished(path, await submit(worker))
    assert (told.state, told.done, told.unchanged) == (JobState.DONE, 5, 3)


async def test_a_job_that_was_interrupted_counts_from_its_beginning(path: WritePath, worker: JobWorker) -> None:
    job = await submit(worker)
    await path.jobs.update(job.after(2, unchanged=2, failures=[Failure("a", "odd")]), timeout_s=10)
    worker.start()
    told = await finished(path, job)
    assert (told.state, told.done, told.unchanged, told.failures) == (JobState.DONE, 5, 0, ())


async def test_documents_without_text_are_told(path: WritePath, worker: JobWorker) -> None:
    worker.start()
    told = await finished(path, await submit(worker, [*DOCUMENTS[:2], document("nothing")]))
    assert (told.state, told.done) == (JobState.DONE, 3)
    assert told.failures == (Failure("nothing", "the document holds no text"),)


async def test_a_job_of_failures_alone_has_failed(path: WritePath, worker: JobWorker) -> None:
    worker.start()
    told = await finished(path, await submit(worker, [document("x"), document("y"), document("z")]))
    assert (told.state, told.done, len(told.failures)) == (JobState.FAILED, 3, 3)


@pytest.mark.parametrize("error", [Overloaded("queue full"), StorageFull("no room"), DependencyFailed("down")])
async def test_a_passing_fault_is_waited_out(
    path: WritePath, worker: JobWorker, error: SteadyragError, caplog: pytest.LogCaptureFixture
) -> None:
    path.embedder.fail("embed", error, times=3)
    worker.start()
    told = await finished(path, await submit(worker))
    assert (told.state, told.done, told.failures) == (JobState.DONE, 5, ())
    assert [record.getMessage() for record in caplog.records] == [f"ingestion pauses for 0.0 s: {error.message}"] * 3
    await path.check_agreement()


async def test_pauses_grow_and_are_spread(path: WritePath, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    policy = RetryPolicy(attempts=6, base_s=1, cap_s=5)
    worker = JobWorker(path.jobs, path.letters, path.writer, retries=policy, rng=lambda: 0.5)
    path.embedder.fail("embed", DependencyFailed("down"), times=5)
    job = await submit(worker, DOCUMENTS[:1])
    monkeypatch.setattr(asyncio, "sleep", pause)
    worker.start()
    await finished(path, job)
    await worker.aclose()
    assert pauses == [0.5, 1, 2, 2.5, 2.5]


async def test_a_full_disk_is_waited_out_for_however_long_it_takes(path: WritePath, worker: JobWorker) -> None:
    path.embedder.fail("embed", StorageFull("no room"), times=10 * ATTEMPTS)
    worker.start()
    told = await finished(path, await submit(worker))
    assert (told.state, told.failures) == (JobState.DONE, ())


@pytest.mark.parametrize(
    "error",
    [DependencyFailed("the database is locked"), DataFolderCorrupt("damaged"), ValueError("a defect")],
    ids=repr,
)
@pytest.mark.parametrize("method", ["next", "update"])
async def test_a_fault_of_the_job_store_does_not_end_the_worker(
    path: WritePath, worker: JobWorker, jobs: Failing, method: str, error: Exception
) -> None:
    jobs.fail(method, error, times=2)
    worker.start()
    assert (await finished(path, await submit(worker))).state == JobState.DONE


async def test_a_dead_letter_that_cannot_be_kept_is_no_document_lost(path: WritePath) -> None:
    letters = Failing(path.letters)
    letters.fail("add", DependencyFailed("the database is locked"), times=1)
    worker: Any = JobWorker(path.jobs, letters, Picky(path.writer, ValueError("odd")), retries=AT_ONCE)  # type: ignore[arg-type]
    worker.start()
    told = await finished(path, await submit(worker))
    assert [failure.document_id for failure in told.failures] == ["d"]
    assert [letter.document_id for letter in await kept(path)] == ["d"]
    await worker.aclose()


class Picky:
    """A writer that cannot take one document."""

    def __init__(self, writer: Any, error: Exception) -> None:
        self._writer = writer
        self._error = error

    async def put(self, space: Space, documents: Sequence[Document]) -> Written:
        if any(each.id == "d" for each in documents):
            raise self._error
        written: Written = await self._writer.put(space, documents)
        return written


@pytest.mark.parametrize(
    ("error", "reason"), [(InvalidRequest("it is odd"), "it is odd"), (ZeroDivisionError("secret"), "internal error")]
)
async def test_one_document_costs_neither_its_neighbours_nor_the_worker(
    path: WritePath, error: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker: Any = JobWorker(path.jobs, path.letters, Picky(path.writer, error), retries=AT_ONCE)  # type: ignore[arg-type]
    worker.start()
    told = await finished(path, await submit(worker))
    assert (told.state, told.done, told.failures) == (JobState.DONE, 5, (Failure("d", reason, 2),))
    assert list(await path.documents()) == list("abce")
    assert (await finished(path, await submit(worker, DOCUMENTS[:1]))).state == JobState.DONE
    assert ("ZeroDivisionError" in caplog.text) == isinstance(error, ZeroDivisionError)
    await worker.aclose()


async def test_a_disk_that_fills_up_makes_no_dead_letters(path: WritePath) -> None:
    class Full(Picky):
        async def put(self, space: Space, documents: Sequence[Document]) -> Written:
            if len(documents) > 1:
                raise ValueError("a defect")
            if documents[0].id == "a" and not tried:
                tried.append("a")
                raise StorageFull("no room")
            return await super().put(space, documents)

    tried: list[str] = []
    worker = JobWorker(path.jobs, path.letters, Full(path.writer, ValueError("odd")), retries=AT_ONCE)  # type: ignore[arg-type]
    worker.start()
    told = await finished(path, await submit(worker))
    assert [failure.document_id for failure in told.failures] == ["d"]
    assert tried == ["a"]
    await worker.aclose()


async def kept(path: WritePath) -> list[DeadLetter]:
    return await path.letters.listed("default", after=0, limit=100, timeout_s=10)


async def test_a_fault_that_does_not_pass_ends_in_a_dead_letter_that_can_be_retried(path: WritePath) -> None:
    picky = Picky(path.writer, DependencyFailed("the ingestion process died"))
    worker = JobWorker(path.jobs, path.letters, picky, retries=AT_ONCE)  # type: ignore[arg-type]
    worker.start()
    job = await finished(path, await submit(worker))
    failure = Failure("d", "the ingestion process died", ATTEMPTS + 1)
    assert (job.state, job.failures) == (JobState.DONE, (failure,))
    (letter,) = await kept(path)
    assert (letter.job_id, letter.document_id, letter.reason, letter.attempts) == (
        job.id,
        "d",
        failure.reason,
        failure.attempts,
    )
    worker._writer = path.writer
    (again,) = await worker.retry("default", [letter.id], timeout_s=10)
    assert (await finished(path, again)).state == JobState.DONE
    assert list(await path.documents()) == list("abcde")
    assert await kept(path) == []
    await worker.aclose()


async def test_closing_lets_the_batch_land_and_the_next_start_goes_on(path: WritePath, worker: JobWorker) -> None:
    gate = Gate(path.log, "append")
    worker.start()
    job = await submit(worker)
    await gate.reached()
    closing = asyncio.create_task(worker.aclose())
    gate.open.set()
    await closing
    assert path.log.position == 2
    assert list(await path.documents()) == ["a", "b"]
    await path.check_agreement()
    again = JobWorker(path.jobs, path.letters, path.writer)
    again.start()
    told = await finished(path, job)
    assert (told.state, told.done) == (JobState.DONE, 5)
    assert list(await path.documents()) == list("abcde")
    await again.aclose()


async def test_a_worker_that_never_started_can_be_closed(worker: JobWorker) -> None:
    await worker.aclose()
    await worker.aclose()
