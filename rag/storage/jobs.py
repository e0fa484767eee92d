"""Ingestion jobs: what `POST /v1/documents` accepted survives a crash, and `GET /v1/jobs/{id}` tells how far it is."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from rag.storage.database import Database
from rag.types import Clock, Document, Space

_COLUMNS = "id, tenant, collection, state, total, done, created, updated, failures"
#: Finished jobs kept for `GET /v1/jobs/{id}`.
KEPT_JOBS = 10_000


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


@dataclass(frozen=True, slots=True)
class Job:
    """A batch of documents on its way into the index.

    Attributes:
        total: documents accepted.
        done: documents dealt with, the failed ones included.
        created: seconds since the epoch, as is `updated`.
    """

    id: str
    space: Space
    state: JobState
    total: int
    done: int
    created: float
    updated: float
    failures: tuple[Failure, ...] = ()


class JobStore:
    """The jobs, in the same file as the log."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, space: Space, documents: Sequence[Document], *, timeout_s: float) -> Job:
        """Store a job durably."""
        at = self._clock.now()
        job = Job(f"job_{uuid.uuid4().hex}", space, JobState.QUEUED, len(documents), 0, at, at)
        body = await asyncio.to_thread(_packed, documents)
        await self._database.write(
            lambda c: c.execute(
                "INSERT INTO jobs"
                "(number, id, tenant, collection, state, total, done, created, updated, failures, body) "
                "SELECT COALESCE(MAX(number), 0) + 1, ?, ?, ?, ?, ?, 0, ?, ?, '[]', ? FROM jobs",
                (job.id, space.tenant, space.collection, job.state, job.total, at, at, body),
            ),
            timeout_s=timeout_s,
        )
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
        return _job(row[:-1]), await asyncio.to_thread(_unpacked, row[-1])

    async def update(
        self, job_id: str, state: JobState, done: int, failures: Sequence[Failure], *, timeout_s: float
    ) -> None:
        """Record progress; a finished job gives up its documents, and the oldest finished ones go."""
        at = self._clock.now()
        finished = state in {JobState.DONE, JobState.FAILED}

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE jobs SET state = ?, done = ?, updated = ?, failures = ?, "
                "body = CASE WHEN ? THEN NULL ELSE body END WHERE id = ?",
                (state, done, at, json.dumps([asdict(failure) for failure in failures]), finished, job_id),
            )
            if finished:
                connection.execute(
                    "DELETE FROM jobs WHERE body IS NULL AND number <= (SELECT MAX(number) FROM jobs) - ?", (KEPT_JOBS,)
                )

        await self._database.write(work, timeout_s=timeout_s)


def _packed(documents: Sequence[Document]) -> bytes:
    return zlib.compress(json.dumps([asdict(document) for document in documents]).encode(), 1)


def _unpacked(body: bytes) -> list[Document]:
    return [Document(**fields) for fields in json.loads(zlib.decompress(body))]


def _job(row: tuple[Any, ...]) -> Job:
    job_id, tenant, collection, state, total, done, created, updated, failures = row
    failed = tuple(Failure(**fields) for fields in json.loads(failures))
    return Job(job_id, Space(tenant, collection), JobState(state), total, done, created, updated, failed)
