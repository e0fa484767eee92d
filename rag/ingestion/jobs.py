"""The worker behind `POST /v1/documents`: takes stored jobs in order and feeds them to the writer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from rag.errors import SteadyragError, Unavailable
from rag.ingestion.writer import STEP_TIMEOUT_S, Writer
from rag.storage.jobs import Failure, Job, JobState, JobStore
from rag.types import Document, Space

log = logging.getLogger(__name__)

#: Documents between two progress records.
BATCH = 64
#: Pause before a job that met a passing fault (full disk, say) is tried again.
RETRY_PAUSE_S = 5.0


class JobWorker:
    """Runs jobs one after the other; one that was interrupted by a crash or a passing fault comes again, whole."""

    def __init__(self, jobs: JobStore, writer: Writer) -> None:
        self._jobs = jobs
        self._writer = writer
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def submit(self, space: Space, documents: Sequence[Document], *, timeout_s: float) -> Job:
        """Store a job durably and start on it when its turn comes."""
        job = await self._jobs.add(space, documents, timeout_s=timeout_s)
        self._wake.set()
        return job

    def start(self) -> None:
        """Work in the background until `aclose`."""
        self._task = asyncio.create_task(self._work(), name="ingestion-jobs")

    async def aclose(self) -> None:
        """Stop; the batch under way lands or leaves nothing, the rest of its job waits for the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                while found := await self._jobs.next(timeout_s=STEP_TIMEOUT_S):
                    await self._run(*found)
            except SteadyragError as error:
                log.warning("ingestion pauses for %g s: %s", RETRY_PAUSE_S, error.message)
                await asyncio.sleep(RETRY_PAUSE_S)
            else:
                await self._wake.wait()

    async def _run(self, job: Job, documents: list[Document]) -> None:
        failures: list[Failure] = []
        done = 0
        for batch in (documents[start : start + BATCH] for start in range(0, len(documents), BATCH)):
            await self._jobs.update(job.id, JobState.RUNNING, done, failures, timeout_s=STEP_TIMEOUT_S)
            failures += await self._put(job.space, batch)
            done += len(batch)
        state = JobState.FAILED if len(failures) == job.total else JobState.DONE
        await self._jobs.update(job.id, state, done, failures, timeout_s=STEP_TIMEOUT_S)

    async def _put(self, space: Space, batch: Sequence[Document]) -> list[Failure]:
        try:
            written = await self._writer.put(space, batch)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a defect must not end the worker: `_reason` logs it
            if len(batch) > 1:  # one document must not cost its neighbours
                return [failure for document in batch for failure in await self._put(space, [document])]
            return [Failure(batch[0].id, _reason(error))]
        return [Failure(document_id, "the document holds no text") for document_id in written.empty]


def _reason(error: Exception) -> str:
    """What the job says of a document's error; a defect of ours is logged, and ends neither the worker nor the job."""
    if isinstance(error, SteadyragError):
        return error.message
    log.error("ingesting a document failed", exc_info=error)
    return "internal error"
