"""The document log and the state that it describes, as one pair of tables.

A document's row carries the sequence number of its latest change, so that the table is the log, compacted as a Kafka
topic is: reading the rows by `seq` replays what happened, as far as it still matters. A deleted document leaves a row
without digest and without passages.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from rag.storage.database import Database
from rag.types import Change, Clock, Passage, Space

_DOCUMENT = "seq, tenant, collection, id, digest, title, url, metadata, at"
_PASSAGE = "p.id, p.ordinal, p.text, p.heading, p.tokens, d.id, d.title, d.url, d.metadata"


class SqliteDocumentLog:
    """A `DocumentLog` in the data folder."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        rows = database.now(
            lambda c: c.execute("SELECT tenant, collection, MAX(seq) FROM documents GROUP BY 1, 2").fetchall()
        )
        self._positions: dict[Space, int] = {Space(tenant, collection): seq for tenant, collection, seq in rows}
        self._position: int = max(self._positions.values(), default=0)

    @property
    def current(self) -> bool:
        """Whether this process may answer: nobody else writes."""
        return True

    @property
    def position(self) -> int:
        """See `rag.ports.DocumentLog`."""
        return self._position

    def position_of(self, space: Space) -> int:
        """Sequence number of the last change to the space; 0 when nothing was ever written to it."""
        return self._positions.get(space, 0)

    async def append(self, changes: Sequence[Change], *, timeout_s: float) -> list[Change]:
        """See `rag.ports.DocumentLog`."""
        at = self._clock.now()
        stored = await self._database.write(lambda c: _store(c, changes, at), timeout_s=timeout_s)
        self._advance(stored)
        return stored

    async def apply(self, changes: Sequence[Change], *, timeout_s: float) -> None:
        """Take in changes that another log has numbered; see `rag.ports.Follower`."""
        due = [change for change in changes if change.seq > self._position]

        def work(connection: sqlite3.Connection) -> None:
            for change in due:
                _insert(connection, change)

        await self._database.write(work, timeout_s=timeout_s)
        self._advance(due)

    async def read(self, after: int, limit: int, *, timeout_s: float) -> list[Change]:
        """See `rag.ports.DocumentLog`."""
        return await self._database.read(
            lambda c: _changes(
                c, f"SELECT {_DOCUMENT} FROM documents WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
            ),
            timeout_s=timeout_s,
        )

    def _advance(self, stored: Iterable[Change]) -> None:
        for change in stored:
            self._positions[change.space] = max(change.seq, self.position_of(change.space))
            self._position = max(change.seq, self._position)


class SqlitePassageStore:
    """A `PassageStore` over the same tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def passages(self, space: Space, ids: Sequence[str], *, timeout_s: float) -> dict[str, Passage]:
        """See `rag.ports.PassageStore`."""

        def work(connection: sqlite3.Connection) -> dict[str, Passage]:
            marks = ",".join("?" * len(ids))
            # CROSS JOIN fixes the order: ids first, else SQLite walks all documents of the space
            rows = connection.execute(
                f"SELECT {_PASSAGE} FROM passages p CROSS JOIN documents d USING(seq) "
                f"WHERE p.id IN ({marks}) AND d.tenant = ? AND d.collection = ?",
                (*ids, space.tenant, space.collection),
            )
            return {row[0]: _passage(row) for row in rows}

        return await self._database.read(work, timeout_s=timeout_s)

    async def documents(self, space: Space, *, after: str | None, limit: int, timeout_s: float) -> list[Change]:
        """See `rag.ports.PassageStore`."""
        query = (
            f"SELECT {_DOCUMENT} FROM documents WHERE tenant = ? AND collection = ? AND digest <> '' AND id > ? "
            "ORDER BY id LIMIT ?"
        )
        rows = await self._fetch(query, (space.tenant, space.collection, after or "", limit), timeout_s)
        return [_change(row, ()) for row in rows]

    async def document(self, space: Space, document_id: str, *, timeout_s: float) -> Change | None:
        """See `rag.ports.PassageStore`."""
        query = f"SELECT {_DOCUMENT} FROM documents WHERE tenant = ? AND collection = ? AND id = ? AND digest <> ''"
        key = (space.tenant, space.collection, document_id)
        found = await self._database.read(lambda c: _changes(c, query, key), timeout_s=timeout_s)
        return found[0] if found else None

    async def digests(self, space: Space, ids: Iterable[str], *, timeout_s: float) -> dict[str, str]:
        """Digest of each document among `ids` that exists."""
        wanted = list(ids)
        query = (
            "SELECT id, digest FROM documents WHERE tenant = ? AND collection = ? AND digest <> '' "
            f"AND id IN ({','.join('?' * len(wanted))})"
        )
        return dict(await self._fetch(query, (space.tenant, space.collection, *wanted), timeout_s))

    async def passage_ids(self, space: Space, document_ids: Iterable[str], *, timeout_s: float) -> set[str]:
        """Ids of all passages of the documents."""
        wanted = list(document_ids)
        query = (
            "SELECT p.id FROM passages p JOIN documents d USING(seq) WHERE d.tenant = ? AND d.collection = ? "
            f"AND d.id IN ({','.join('?' * len(wanted))})"
        )
        rows = await self._fetch(query, (space.tenant, space.collection, *wanted), timeout_s)
        return {row[0] for row in rows}

    async def collections(self, tenant: str, *, timeout_s: float) -> list[tuple[str, int, int]]:
        """(collection, documents, passages) of the tenant, by name; empty ones left out."""
        query = (
            "SELECT d.collection, COUNT(DISTINCT d.seq), COUNT(p.id) FROM documents d LEFT JOIN passages p USING(seq) "
            "WHERE d.tenant = ? AND d.digest <> '' GROUP BY 1 ORDER BY 1"
        )
        return [(name, docs, passages) for name, docs, passages in await self._fetch(query, (tenant,), timeout_s)]

    async def count(self, tenant: str, *, timeout_s: float) -> int:
        """Documents of the tenant, over all collections."""
        query = "SELECT COUNT(*) FROM documents WHERE tenant = ? AND digest <> ''"
        ((count,),) = await self._fetch(query, (tenant,), timeout_s)
        return int(count)

    async def _fetch(self, query: str, values: tuple[object, ...], timeout_s: float) -> list[tuple[Any, ...]]:
        return await self._database.read(lambda c: c.execute(query, values).fetchall(), timeout_s=timeout_s)


def _store(connection: sqlite3.Connection, changes: Sequence[Change], at: float) -> list[Change]:
    """Store the changes under the next sequence numbers and give them back with these."""
    (last,) = connection.execute("SELECT COALESCE(MAX(seq), 0) FROM documents").fetchone()
    stored = [replace(change, seq=seq, at=at) for seq, change in enumerate(changes, start=last + 1)]
    for change in stored:
        old = connection.execute(
            "SELECT p.id FROM passages p JOIN documents d USING(seq) "
            "WHERE d.tenant = ? AND d.collection = ? AND d.id = ?",
            _key(change),
        ).fetchall()
        connection.executemany("INSERT OR IGNORE INTO unsettled_points VALUES (?)", old)
        _insert(connection, change)
    return stored


def _insert(connection: sqlite3.Connection, change: Change) -> None:
    """Put the document, or its absence, in the place of what its id held."""
    key = _key(change)
    connection.execute("DELETE FROM documents WHERE tenant = ? AND collection = ? AND id = ?", key)
    # an older state of the document that once failed must not come back by a retry
    connection.execute("DELETE FROM dead_letters WHERE tenant = ? AND collection = ? AND document_id = ?", key)
    connection.execute(
        f"INSERT INTO documents({_DOCUMENT}) VALUES (?,?,?,?,?,?,?,?,?)",
        (change.seq, *key, change.digest, change.title, change.url, json.dumps(dict(change.metadata)), change.at),
    )
    connection.executemany(
        "INSERT INTO passages(id, seq, ordinal, text, heading, tokens) VALUES (?,?,?,?,?,?)",
        [(p.id, change.seq, p.ordinal, p.text, p.heading, p.tokens) for p in change.passages],
    )


def _key(change: Change) -> tuple[str, str, str]:
    return change.space.tenant, change.space.collection, change.document_id


def _changes(connection: sqlite3.Connection, query: str, values: tuple[object, ...]) -> list[Change]:
    """The documents that `query` selects, each with its passages."""
    documents = connection.execute(query, values).fetchall()
    if not documents:
        return []
    marks = ",".join("?" * len(documents))
    rows = connection.execute(
        f"SELECT p.seq, {_PASSAGE} FROM passages p JOIN documents d USING(seq) "
        f"WHERE p.seq IN ({marks}) ORDER BY p.seq, p.ordinal",
        [row[0] for row in documents],
    )
    passages: dict[int, list[Passage]] = {}
    for seq, *row in rows:
        passages.setdefault(seq, []).append(_passage(tuple(row)))
    return [_change(row, tuple(passages.get(row[0], ()))) for row in documents]


def _change(row: tuple[Any, ...], passages: tuple[Passage, ...]) -> Change:
    seq, tenant, collection, document_id, digest, title, url, metadata, at = row
    space = Space(tenant, collection)
    return Change(space, document_id, digest, passages, title, url, json.loads(metadata), seq, at)


def _passage(row: tuple[Any, ...]) -> Passage:
    passage_id, ordinal, text, heading, tokens, document_id, title, url, metadata = row
    return Passage(passage_id, document_id, ordinal, text, title, heading, url, tokens, json.loads(metadata))
