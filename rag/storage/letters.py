"""Dead letters: documents that could not be ingested, kept with the reason until somebody retries or discards them."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rag.storage.database import Database
from rag.storage.jobs import Failure, Job, packed, unpacked
from rag.types import Clock, Document, Space

log = logging.getLogger(__name__)

#: The newest that are kept.
KEPT_LETTERS = 10_000
_COLUMNS = "number, job, collection, document_id, reason, attempts, at"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A document that failed.

    Attributes:
        id: names the letter; rises with time.
        job_id: the job that gave up on it.
        at: seconds since the epoch.
    """

    id: int
    job_id: str
    collection: str
    document_id: str
    reason: str
    attempts: int
    at: float


class DeadLetters:
    """The dead letters, in the same file as the log, which drops a document's letter when the document is written."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, job: Job, document: Document, failure: Failure, *, timeout_s: float) -> None:
        """Keep the document; of each document the latest letter stays."""
        at = self._clock.now()
        body = await asyncio.to_thread(packed, [document])
        key = (job.space.tenant, job.space.collection, document.id)

        def work(connection: sqlite3.Connection) -> int:
            connection.execute(
                "INSERT OR REPLACE INTO dead_letters"
                "(job, tenant, collection, document_id, reason, attempts, at, body) VALUES (?,?,?,?,?,?,?,?)",
                (job.id, *key, failure.reason, failure.attempts, at, body),
            )
            return connection.execute(
                "DELETE FROM dead_letters WHERE number <= (SELECT MAX(number) FROM dead_letters) - ?", (KEPT_LETTERS,)
            ).rowcount

        if dropped := await self._database.write(work, timeout_s=timeout_s):
            log.warning("there are more than %d dead letters: %d of the oldest were dropped", KEPT_LETTERS, dropped)

    async def listed(self, tenant: str, *, after: int, limit: int, timeout_s: float) -> list[DeadLetter]:
        """The tenant's letters past the id `after`, oldest first."""
        query = f"SELECT {_COLUMNS} FROM dead_letters WHERE tenant = ? AND number > ? ORDER BY number LIMIT ?"
        rows = await self._database.read(
            lambda c: c.execute(query, (tenant, after, limit)).fetchall(), timeout_s=timeout_s
        )
        return [DeadLetter(*row) for row in rows]

    async def fetch(self, tenant: str, ids: Sequence[int], *, timeout_s: float) -> dict[Space, list[Document]]:
        """The documents of the letters among `ids` that exist, by collection."""
        query = (
            "SELECT collection, body FROM dead_letters "
            f"WHERE tenant = ? AND number IN ({','.join('?' * len(ids))}) ORDER BY collection, number"
        )
        rows = await self._database.read(lambda c: c.execute(query, (tenant, *ids)).fetchall(), timeout_s=timeout_s)
        return {
            Space(tenant, collection): [document for _, body in group for document in unpacked(body)]
            for collection, group in groupby(rows, key=lambda row: row[0])
        }

    async def discard(self, tenant: str, ids: Sequence[int], *, timeout_s: float) -> int:
        """Throw letters away; gives back how many there were."""
        query = f"DELETE FROM dead_letters WHERE tenant = ? AND number IN ({','.join('?' * len(ids))})"
        return await self._database.write(lambda c: c.execute(query, (tenant, *ids)).rowcount, timeout_s=timeout_s)
