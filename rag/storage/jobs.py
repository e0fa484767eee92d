"""Ingestion jobs: what `POST /v1/documents` accepted survives a crash, and `GET /v1/jobs/{id}` tells how far it is."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import uuid
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from rag.errors import Overloaded
from rag.storage.database import Database
from rag.types import Clock, Document, Space

_COLUMNS = "id, tenant, collection, state, total, done, created, updated, failures, unchanged"
#: Finished jobs kept for `GET /v1/jobs/{id}`.
KEPT_JOBS = 10_000
#: When a caller who was turned away may come again.
FULL_RETRY_S = 5


class JobState(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that could not be ingested, and why."""

    document_id: str
    reason: str
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Job:
    """A batch of documents on its way into the index.

    Attributes:
        total: documents accepted.
        done: documents dealt with, the unchanged and the failed ones included.
        created: seconds since the epoch, as is `updated`.
        unchanged: documents that were stored as they are, before this run of the job.
    """

    id: str
    space: Space
    state: JobState
    total: int
    done: int
    created: float
    updated: float
    failures: tuple[Failure, ...] = ()
    unchanged: int = 0

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in {JobState.DONE, JobState.FAILED}

    def after(self, documents: int, *, unchanged: int = 0, failures: Iterable[Failure] = ()) -> Job:
        """The job with so many more documents dealt with, and what became of them."""
        return replace(
            self,
            done=self.done + documents,
            unchanged=self.unchanged + unchanged,
            failures=(*self.failures, *failures),
        )


class JobStore:
    """The jobs, in the same file as the log.

    Args:
        max_jobs: unfinished jobs at most; one more is refused.
        max_bytes: compressed bytes of their documents at most; a job that comes when all is empty may be of any size.
    """

    def __init__(self, database: Database, clock: Clock, *, max_jobs: int = 1_000, max_bytes: int = 1 << 30) -> None:
        database.now(_add_missing_column)
        self._database = database
        self._clock = clock
        self._max_jobs = max_jobs
        self._max_bytes = max_bytes

    async def add(self, space: Space, documents: Sequence[Document], *, timeout_s: float) -> Job:
        """Store a job durably.

        Raises:
            Overloaded: too much waits already; nothing was stored.
        """
        job = new_job(space, len(documents), self._clock.now())
        body = await asyncio.to_thread(packed, documents)

        def work(connection: sqlite3.Connection) -> None:
            self._ensure_room(connection, len(body))
            connection.execute(
                "INSERT INTO jobs"
                "(number, id, tenant, collection, state, total, done, created, updated, failures, body) "
                "SELECT COALESCE(MAX(number), 0) + 1, ?, ?, ?, ?, ?, 0, ?, ?, '[]', ? FROM jobs",
                (job.id, space.tenant, space.collection, job.state, job.total, job.created, job.updated, body),
            )

        await self._database.write(work, timeout_s=timeout_s)
        return job

    async def get(self, tenant: str, job_id: str, *, timeout_s: float) -> Job | None:
        """The tenant's job, or None."""
        row = await self._database.read(
            lambda c: c.execute(
                f"SELECT {_COLUMNS} FROM jobs WHERE id = ? AND tenant = ?", (job_id, tenant)
            ).fetchone(),
            timeout_s=timeout_s,
        )
        return _job(row) if row else None

    async def next(self, *, timeout_s: float) -> tuple[Job, list[Document]] | None:
        """The oldest unfinished job with its documents; one that was interrupted comes again, whole."""
        row = await self._database.read(
            lambda c: c.execute(
                f"SELECT {_COLUMNS}, body FROM jobs WHERE state IN ('queued', 'running') ORDER BY number LIMIT 1"
            ).fetchone(),
            timeout_s=timeout_s,
        )
        if row is None:
            return None
        return _job(row[:-1]), await asyncio.to_thread(unpacked, row[-1])

    async def update(self, job: Job, *, timeout_s: float) -> None:
        """Record progress; a finished job gives up its documents, and the oldest finished ones go."""
        at = self._clock.now()
        told = json.dumps([asdict(failure) for failure in job.failures])

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE jobs SET state = ?, done = ?, unchanged = ?, updated = ?, failures = ?, "
                "body = CASE WHEN ? THEN NULL ELSE body END WHERE id = ?",
                (job.state, job.done, job.unchanged, at, told, job.finished, job.id),
            )
            if job.finished:
                connection.execute(
                    "DELETE FROM jobs WHERE body IS NULL AND number <= (SELECT MAX(number) FROM jobs) - ?", (KEPT_JOBS,)
                )

        await self._database.write(work, timeout_s=timeout_s)

    def _ensure_room(self, connection: sqlite3.Connection, more: int) -> None:
        jobs, stored = connection.execute(
            "SELECT COUNT(*), COALESCE(SUM(LENGTH(body)), 0) FROM jobs WHERE body IS NOT NULL"
        ).fetchone()
        if jobs >= self._max_jobs or (jobs and stored + more > self._max_bytes):
            raise Overloaded(f"{jobs} ingestion jobs of {stored >> 20} MiB wait; send it again later").after(
                FULL_RETRY_S
            )


def new_job(space: Space, total: int, at: float) -> Job:
    """A job that nobody has begun."""
    return Job(f"job_{uuid.uuid4().hex}", space, JobState.QUEUED, total, 0, at, at)


def packed(documents: Sequence[Document]) -> bytes:
    """The documents as they are stored with a job."""
    return zlib.compress(json.dumps([asdict(document) for document in documents]).encode(), 1)


def unpacked(body: bytes) -> list[Document]:
    """The documents out of `packed`."""
    return [Document(**fields) for fields in json.loads(zlib.decompress(body))]


def _job(row: tuple[Any, ...]) -> Job:
    job_id, tenant, collection, state, total, done, created, updated, failures, unchanged = row
    failed = tuple(Failure(**fields) for fields in json.loads(failures))
    return Job(job_id, Space(tenant, collection), JobState(state), total, done, created, updated, failed, unchanged)


def _add_missing_column(connection: sqlite3.Connection) -> None:
    """Let a file that was made before unchanged documents were counted have the count."""
    if "unchanged" not in {row[1] for row in connection.execute("PRAGMA table_info(jobs)").fetchall()}:
        connection.execute("ALTER TABLE jobs ADD COLUMN unchanged INTEGER NOT NULL DEFAULT 0")
