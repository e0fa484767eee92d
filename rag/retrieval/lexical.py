"""The lexical index of this process: one BM25 per space, kept on disk as analysed text, following the document log."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from zlib import crc32

from rag.errors import DataFolderCorrupt, DependencyFailed, DependencyTimeout, InvalidRequest
from rag.retrieval.analysis import Analyzer
from rag.retrieval.bm25 import Bm25
from rag.retrieval.fields import DEFAULT, Weights
from rag.retrieval.segments import Entry
from rag.storage.database import Database
from rag.types import Change, Filters, Hit, Space

T = TypeVar("T")

#: One row a document, its columns as `Entry` has them; empty ones for a document that is gone.
SCHEMA = """
CREATE TABLE IF NOT EXISTS entries(
    seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, collection TEXT NOT NULL, document_id TEXT NOT NULL,
    passage_ids BLOB NOT NULL, sizes BLOB NOT NULL, terms BLOB NOT NULL, keywords BLOB NOT NULL,
    UNIQUE(tenant, collection, document_id)
);
"""
_COLUMNS = "seq, tenant, collection, document_id, passage_ids, sizes, terms, keywords"
#: Raised with every change of what a row says, here or in `fields.keywords`.
FORMAT = 2


class LocalLexicalIndex:
    """A `LexicalIndex` in memory, with the analysed texts in a SQLite file.

    The file spares the analysis of all texts at start; it is derived data: when it is missing, damaged, of another
    format or analyser, or ahead of the log (as after an older log was restored), it is made anew from the log.

    Args:
        file: the SQLite file.
        analyzer: texts to terms.
        pool: where the work runs.
        newest: the log's position; a file that is past it belongs to another log.
        weights: what each part of a passage weighs; the file does not depend on them.
    """

    def __init__(
        self,
        file: Path,
        analyzer: Analyzer,
        pool: ThreadPoolExecutor,
        newest: int = sys.maxsize,
        weights: Weights = DEFAULT,
    ) -> None:
        self._analyzer = analyzer
        self._pool = pool
        self._weights = weights
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
        version = crc32(f"{FORMAT} {self._analyzer.version}".encode()) >> 1  # SQLite keeps a signed number
        known = file.exists()
        database = Database(file, SCHEMA, readers=1)
        if not known:
            database.now(lambda c: c.execute(f"PRAGMA user_version = {version}").fetchone())
        if database.now(lambda c: c.execute("PRAGMA user_version").fetchone()) != (version,):
            raise ValueError("the file is of another version")
        rows = database.now(lambda c: c.execute(f"SELECT {_COLUMNS} FROM entries ORDER BY seq").fetchall())
        self._take_in((Space(tenant, collection), Entry(*columns)) for _, tenant, collection, *columns in rows)
        self._position = rows[-1][0] if rows else 0
        if self._position > newest:
            raise ValueError("the file is ahead of the log")
        return database

    def _entry(self, change: Change) -> Entry:
        terms = self._analyzer.terms
        parts = [(terms(passage.context), terms(passage.text)) for passage in change.passages]
        return Entry.of(change.document_id, [passage.id for passage in change.passages], parts, change.metadata)

    def _take_in(self, entries: Iterable[tuple[Space, Entry]]) -> None:
        by_space: dict[Space, list[Entry]] = {}
        for space, entry in entries:
            by_space.setdefault(space, []).append(entry)
        for space, batch in by_space.items():
            self._spaces.setdefault(space, Bm25(self._weights)).replace(batch)

    async def _run(self, work: Callable[[], T], timeout_s: float) -> T:
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except TimeoutError:
            raise DependencyTimeout(f"the lexical index took longer than {timeout_s:.2f} s") from None


def _store(connection: sqlite3.Connection, entries: Sequence[tuple[Change, Entry]]) -> None:
    """Put the rows of the changes in the place of their documents' old ones."""
    for change, entry in entries:
        key = (change.space.tenant, change.space.collection, change.document_id)
        connection.execute("DELETE FROM entries WHERE tenant = ? AND collection = ? AND document_id = ?", key)
        connection.execute(
            f"INSERT INTO entries({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?)",
            (change.seq, *key, entry.passage_ids, entry.sizes, entry.terms, entry.keywords),
        )
