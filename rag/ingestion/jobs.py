"""The worker behind `POST /v1/documents`: takes stored jobs in order and feeds them to the writer."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from rag.errors import SteadyragError, StorageFull, Unavailable
from rag.ingestion.writer import STEP_TIMEOUT_S, Writer
from rag.resilience.retry import RetryPolicy
from rag.storage.jobs import Failure, Job, JobState
from rag.storage.letters import DeadLetters
from rag.tasks import end
from rag.types import Document, Space

log = logging.getLogger(__name__)

#: Documents between two progress records.
BATCH = 64
#: How long a passing fault (a dead child process, a database that is locked) is waited out: about two minutes in all.
RETRIES = RetryPolicy(attempts=10, base_s=1.0, cap_s=60.0)


class JobQueue(Protocol):
    """Accepted jobs, in order, durably; see `rag.storage.jobs.JobStore`."""

    async def add(self, space: Space, documents: Sequence[Document], *, timeout_s: float) -> Job:
        """Store a job."""

    async def next(self, *, timeout_s: float) -> tuple[Job, list[Document]] | None:
        """The job whose turn it is, with its documents; one that was interrupted comes again, whole."""

    async def update(self, job: Job, *, timeout_s: float) -> None:
        """Record progress; a finished job gives up its documents."""


class JobWorker:
    """Runs jobs one after the other; one that was interrupted by a crash comes again, whole.

    A batch that meets a passing fault is tried again with backoff. When that has not helped, or the fault is no passing
    one, its documents are tried one by one, and those that fail alone become dead letters. A full disk is waited out
    however long it takes, since no document is to blame for it.

    Args:
        jobs: the queue.
        letters: where documents go that cannot be ingested.
        writer: takes the documents.
        retries: attempts and pauses.
        poll_s: how often to look for jobs that others submitted; None where there are no others.
        rng: spreads the pauses.
    """

    def __init__(
        self,
        jobs: JobQueue,
        letters: DeadLetters,
        writer: Writer,
        *,
        retries: RetryPolicy = RETRIES,
        poll_s: float | None = None,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._jobs = jobs
        self._letters = letters
        self._writer = writer
        self._retries = retries
        self._poll_s = poll_s
        self._rng = rng
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def submit(self, space: Space, documents: Sequence[Document], *, timeout_s: float) -> Job:
        """Store a job durably and start on it when its turn comes.

        Raises:
            Overloaded: too much waits already.
        """
        job = await self._jobs.add(space, documents, timeout_s=timeout_s)
        self._wake.set()
        return job

    async def retry(self, tenant: str, letter_ids: Sequence[int], *, timeout_s: float) -> list[Job]:
        """Try dead letters again: one job for each collection. A crash on the way leaves the letters.

        Raises:
            Overloaded: too much waits already; the letters stay.
        """
        found = await self._letters.fetch(tenant, letter_ids, timeout_s=timeout_s)
        jobs = [await self.submit(space, documents, timeout_s=timeout_s) for space, documents in found.items()]
        await self._letters.discard(tenant, letter_ids, timeout_s=timeout_s)
        return jobs

    def start(self) -> None:
        """Work in the background until `aclose`."""
        self._task = asyncio.create_task(self._work(), name="ingestion-jobs")

    async def aclose(self) -> None:
        """Stop; the batch under way lands or leaves nothing, the rest of its job waits for the next start."""
        if self._task is not None:
            await end(self._task)

    async def _work(self) -> None:
        failed = 0
        while True:
            self._wake.clear()
            try:
                while found := await self._jobs.next(timeout_s=STEP_TIMEOUT_S):
                    await self._run(*found)
                    failed = 0
            except Exception as error:  # noqa: BLE001 - nothing may end the worker: `_reason` logs a defect
                failed += 1
                await self._pause(failed, _reason(error))
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_s):
                        await self._wake.wait()

    async def _run(self, job: Job, documents: list[Document]) -> None:
        job = replace(job, state=JobState.RUNNING, done=0, unchanged=0, failures=())
        for batch in (documents[start : start + BATCH] for start in range(0, len(documents), BATCH)):
            await self._jobs.update(job, timeout_s=STEP_TIMEOUT_S)
            job = await self._put(job, batch)
        state = JobState.FAILED if len(job.failures) == job.total else JobState.DONE
        await self._jobs.update(replace(job, state=state), timeout_s=STEP_TIMEOUT_S)

    async def _put(self, job: Job, batch: Sequence[Document]) -> Job:
        """The job after the batch."""
        attempt = 1
        while True:
            try:
                return await self._write(job, batch)
            except Exception as error:  # noqa: BLE001 - one document must not end the worker: `_reason` logs a defect
                if not isinstance(error, Unavailable) or attempt >= self._retries.attempts:
                    return await self._one_by_one(job, batch, attempt)
                await self._pause(attempt, error.message)
                attempt += 1

    async def _one_by_one(self, job: Job, batch: Sequence[Document], attempts: int) -> Job:
        """Give each document a last try of its own: one must not cost its neighbours."""
        for document in batch:
            try:
                job = await self._write(job, [document])
            except Exception as error:  # noqa: BLE001 - as above
                failure = Failure(document.id, _reason(error), attempts + 1)
                await self._letters.add(job, document, failure, timeout_s=STEP_TIMEOUT_S)
                job = job.after(1, failures=[failure])
        return job

    async def _write(self, job: Job, documents: Sequence[Document]) -> Job:
        """Store the documents, when there is room; those without text have failed."""
        while True:
            try:
                written = await self._writer.put(job.space, documents)
            except StorageFull as error:
                await self._pause(self._retries.attempts, error.message)
            else:
                failures = [Failure(document_id, "the document holds no text") for document_id in written.empty]
                return job.after(len(documents), unchanged=len(written.unchanged), failures=failures)

    async def _pause(self, attempt: int, reason: str) -> None:
        pause_s = self._retries.delay_s(attempt, self._rng)
        log.warning("ingestion pauses for %.1f s: %s", pause_s, reason)
        await asyncio.sleep(pause_s)


def _reason(error: Exception) -> str:
    """What the job says of an error; a defect of ours is logged, and ends neither the worker nor the job."""
    if isinstance(error, SteadyragError):
        return error.message
    log.error("ingesting a document failed", exc_info=error)
    return "internal error"
