"""The lexical index of this process: one BM25 per space, kept on disk as bags of words, following the document log."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import numpy as np

from rag.errors import DataFolderCorrupt, DependencyFailed, DependencyTimeout, InvalidRequest
from rag.retrieval.analysis import Analyzer
from rag.retrieval.bm25 import Bm25, Entry
from rag.retrieval.postings import Bag
from rag.storage.database import Database
from rag.types import Change, Filters, Hit, Space

T = TypeVar("T")

#: One row a document. `sizes` and `lengths` are int32 per passage, `terms` and `counts` one after the other.
SCHEMA = """
CREATE TABLE IF NOT EXISTS bags(
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, collection TEXT NOT NULL, document_id TEXT NOT NULL,
    metadata TEXT NOT NULL, ids BLOB NOT NULL, sizes BLOB NOT NULL, lengths BLOB NOT NULL,
    terms BLOB NOT NULL, counts BLOB NOT NULL, UNIQUE(tenant, collection, document_id)
);
"""
_COLUMNS = "seq, tenant, collection, document_id, metadata, ids, sizes, lengths, terms, counts"


class LocalLexicalIndex:
    """A `LexicalIndex` in memory, with its bags of words in a SQLite file.

    The file spares the analysis of all texts at start; it is derived data: when it is missing, damaged, or ahead of the
    log (as after an older log was restored), it is made anew from the log.

    Args:
        file: the SQLite file.
        analyzer: texts to terms.
        pool: where the work runs.
        newest: the log's position; a file that is past it belongs to another log.
    """

    def __init__(self, file: Path, analyzer: Analyzer, pool: ThreadPoolExecutor, newest: int = sys.maxsize) -> None:
        self._analyzer = analyzer
        self._pool = pool
        self._spaces: dict[Space, Bm25] = {}
        self._position = 0
        try:
            self._database = self._open(file, newest)
        except (DataFolderCorrupt, DependencyFailed, InvalidRequest, ValueError):  # whatever damaged rows can raise
            for part in file.parent.glob(file.name + "*"):
                part.unlink()
            self._spaces, self._position = {}, 0
            self._database = self._open(file, newest)

    @property
    def position(self) -> int:
        """See `rag.ports.LexicalIndex`."""
        return self._position

    async def search(self, space: Space, text: str, limit: int, filters: Filters, *, timeout_s: float) -> list[Hit]:
        """See `rag.ports.LexicalIndex`."""
        index = self._spaces.get(space)
        if index is None:
            return []
        return await self._run(lambda: index.search(self._analyzer.terms(text), limit, filters), timeout_s)

    async def apply(self, changes: Sequence[Change], *, timeout_s: float) -> None:
        """See `rag.ports.LexicalIndex`."""
        due = [change for change in changes if change.seq > self._position]
        if not due:
            return
        entries = await self._run(lambda: [(change, self._entry(change)) for change in due], timeout_s)
        await self._database.write(lambda c: _store(c, entries), timeout_s=timeout_s)
        await self._run(lambda: self._take_in((change.space, entry) for change, entry in entries), timeout_s)
        self._position = due[-1].seq

    async def aclose(self) -> None:
        """Close the file."""
        await self._database.aclose()

    def _open(self, file: Path, newest: int) -> Database:
        database = Database(file, SCHEMA, readers=1)
        self._load(database.now(lambda c: c.execute(f"SELECT {_COLUMNS} FROM bags ORDER BY seq").fetchall()))
        if self._position > newest:
            raise ValueError("the file is ahead of the log")
        return database

    def _entry(self, change: Change) -> Entry:
        bags = [Bag.of(self._analyzer.terms(passage.contextual_text)) for passage in change.passages]
        return Entry(change.document_id, [p.id for p in change.passages], bags, _fields(change))

    def _load(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._spaces.clear()
        if rows:
            self._take_in(_entries_of(rows))
            self._position = max(row[0] for row in rows)

    def _take_in(self, entries: Iterable[tuple[Space, Entry]]) -> None:
        by_space: dict[Space, list[Entry]] = {}
        for space, entry in entries:
            by_space.setdefault(space, []).append(entry)
        for space, batch in by_space.items():
            self._spaces.setdefault(space, Bm25()).replace(batch)

    async def _run(self, work: Callable[[], T], timeout_s: float) -> T:
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except TimeoutError:
            raise DependencyTimeout(f"the lexical index took longer than {timeout_s:.2f} s") from None


def _fields(change: Change) -> dict[str, object]:
    return {**change.metadata, "document_id": change.document_id}


def _store(connection: sqlite3.Connection, entries: Sequence[tuple[Change, Entry]]) -> None:
    """Put the rows of the changes in the place of their documents' old ones; a deletion leaves an empty row."""
    for change, entry in entries:
        key = (change.space.tenant, change.space.collection, change.document_id)
        connection.execute("DELETE FROM bags WHERE tenant = ? AND collection = ? AND document_id = ?", key)
        connection.execute(
            f"INSERT INTO bags({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)",
            (change.seq, *key, json.dumps(dict(entry.metadata)), *_blobs(entry)),
        )


def _blobs(entry: Entry) -> Iterator[bytes]:
    yield b"".join(UUID(passage_id).bytes for passage_id in entry.passage_ids)
    yield np.array([len(bag.terms) for bag in entry.bags], np.int32).tobytes()
    yield np.array([bag.length for bag in entry.bags], np.int32).tobytes()
    yield b"".join(bag.terms.tobytes() for bag in entry.bags)
    yield b"".join(bag.counts.tobytes() for bag in entry.bags)


def _entries_of(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Space, Entry]]:
    """The documents of many rows; the columns are joined first, since reading each blob by itself takes three times."""
    _, tenants, collections, documents, metadata, ids, sizes, lengths, terms, counts = zip(*rows, strict=True)
    ends = np.cumsum(np.frombuffer(b"".join(sizes), np.int32)).tolist()
    all_lengths = np.frombuffer(b"".join(lengths), np.int32).tolist()
    all_terms = np.frombuffer(b"".join(terms), np.uint64)
    all_counts = np.frombuffer(b"".join(counts), np.int32)
    bags = [
        Bag(all_terms[start:end], all_counts[start:end], length)
        for start, end, length in zip([0, *ends], ends, all_lengths, strict=False)
    ]
    if sum(map(len, ids)) != 16 * len(bags) or any(len(blob) % 16 for blob in ids):
        raise ValueError("the columns do not fit together")
    first = 0
    for tenant, collection, document_id, fields, blob in zip(
        tenants, collections, documents, metadata, ids, strict=True
    ):
        passage_ids = _uuids(blob.hex())
        part = bags[first : first + len(passage_ids)]
        first += len(passage_ids)
        yield Space(tenant, collection), Entry(document_id, passage_ids, part, json.loads(fields))


def _uuids(digits: str) -> list[str]:
    """UUIDs in their usual form out of their hex digits; ten times as fast as `uuid.UUID`."""
    parts = (digits[i : i + 32] for i in range(0, len(digits), 32))
    return [f"{d[:8]}-{d[8:12]}-{d[12:16]}-{d[16:20]}-{d[20:]}" for d in parts]
