"""The write path over one folder, of real parts that can be told to fail, and what must hold when it rests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rag.ingestion.chunking import Chunker
from rag.ingestion.following import LogFollower
from rag.ingestion.here import LocalPreparer
from rag.ingestion.writer import Writer
from rag.retrieval.analysis import Analyzer
from rag.retrieval.edge import EdgeIndex
from rag.retrieval.lexical import LocalLexicalIndex
from rag.retrieval.sharded import ShardedIndex, shard_of
from rag.storage.database import Database
from rag.storage.documents import SqliteDocumentLog, SqlitePassageStore
from rag.storage.jobs import JobStore
from rag.storage.letters import DeadLetters
from rag.storage.points import UnsettledPoints
from rag.types import Change, Document, Filters, Passage, Space
from tests.support.changes import SPACE
from tests.support.clock import FakeClock
from tests.support.embedder import DIMENSION, WordEmbedder
from tests.support.failing import Failing

SHARDS = 2
MANY = 10_000


def document(document_id: str, *sections: str, title: str = "", **metadata: object) -> Document:
    """A document with one passage for each section, none like another; without sections, one without text."""
    text = "\n\n".join(f"# {section}\n\n" + " ".join(f"{section}{n}" for n in range(24)) for section in sections)
    return Document(document_id, text, title, "markdown", metadata=metadata)


class WritePath:
    """Writer and indexes over a folder, as the composition root puts them together.

    Attributes:
        words: the embedder beneath `embedder`; says what was embedded.
        full: raised before every write while it is set.
        follower: its lease ends with the first failure, so that no test waits for it.
    """

    def __init__(self, folder: Path, pool: ThreadPoolExecutor, stack: AsyncExitStack) -> None:
        clock = FakeClock()
        database = Database(folder / "catalog.db")
        stack.push_async_callback(database.aclose)
        lexical = LocalLexicalIndex(folder / "lexical.db", Analyzer(), pool)
        stack.push_async_callback(lexical.aclose)
        shards = [EdgeIndex(folder / f"shard-{n}", DIMENSION, pool) for n in range(SHARDS)]
        for shard in shards:
            stack.callback(shard.close)
        self.words = WordEmbedder()
        self.embedder = Failing(self.words)
        self.lexical = Failing(lexical)
        self.shards = [Failing(shard) for shard in shards]
        self.log = Failing(SqliteDocumentLog(database, clock))
        self.points = Failing(UnsettledPoints(database))
        self.store = SqlitePassageStore(database)
        self.jobs = JobStore(database, clock)
        self.letters = DeadLetters(database, clock)
        self.index = ShardedIndex(self.shards)
        self.full: Exception | None = None
        self.clock = clock
        self.follower = LogFollower("the lexical index", self.lexical, self.log, clock, lease_s=0)
        stack.push_async_callback(self.follower.aclose)
        chunker = Chunker(self.words.count_tokens, max_tokens=self.words.info.max_tokens)
        self.writer = Writer(
            preparer=LocalPreparer(chunker, self.embedder),
            index=self.index,
            log=self.log,
            store=self.store,
            points=self.points,
            follower=self.follower,
            ensure_space=self._ensure_space,
        )

    def _ensure_space(self) -> None:
        if self.full:
            raise self.full

    def mend(self) -> None:
        """Let every part work."""
        self.full = None
        for part in (self.embedder, self.lexical, self.log, self.points, *self.shards):
            part.mend()

    async def level(self) -> None:
        """Let the lexical index take in what it missed."""
        await self.follower.catch_up()

    async def documents(self, space: Space = SPACE) -> dict[str, Change]:
        """Every document of the space with its passages, without what depends on the order and time of writes."""
        listed = await self.store.documents(space, after=None, limit=MANY, timeout_s=10)
        found = [await self.store.document(space, each.document_id, timeout_s=10) for each in listed]
        return {
            each.document_id: Change(
                each.space, each.document_id, each.digest, each.passages, each.title, each.url, each.metadata
            )
            for each in found
            if each is not None
        }

    async def dense_ids(self, filters: Filters, space: Space = SPACE) -> list[str]:
        """Ids of the points of the space, over all shards."""
        anywhere = self.words.vector("anything")
        hits = [await shard.search(space, anywhere, MANY, filters, timeout_s=10) for shard in self.shards]
        return sorted(hit.passage_id for found in hits for hit in found)

    async def lexical_ids(self, text: str, filters: Filters, space: Space = SPACE) -> list[str]:
        """Ids of the passages that share a word with the text."""
        hits = await self.lexical.search(space, text, MANY, filters, timeout_s=10)
        return sorted(hit.passage_id for hit in hits)

    async def check_agreement(self, space: Space = SPACE) -> None:
        """Dense index, lexical index and store hold the same passages, vectors and fields, and no note is left."""
        passages = [passage for each in (await self.documents(space)).values() for passage in each.passages]
        everything = " ".join(passage.contextual_text for passage in passages)
        for filters in _filters(passages):
            expected = sorted(passage.id for passage in passages if _has(passage, filters))
            assert await self.dense_ids(filters, space) == expected, filters
            assert await self.lexical_ids(everything, filters, space) == expected, filters
        for passage in passages:
            shard = self.shards[shard_of(space, passage.document_id, SHARDS)]
            vector = self.words.vector(passage.contextual_text)
            hits = await shard.search(space, vector, MANY, {"document_id": passage.document_id}, timeout_s=10)
            assert {hit.passage_id: hit.score for hit in hits}[passage.id] == pytest.approx(1, abs=1e-4)
            assert passage.id in await self.lexical_ids(passage.contextual_text, {}, space)
        assert self.lexical.position == self.log.position
        assert await self.points.obsolete(timeout_s=10) == []


def _filters(passages: list[Passage]) -> Iterator[Filters]:
    """No filter, then one for each value that any passage has in any field."""
    yield {}
    for key, value in sorted({item for passage in passages for item in _fields(passage).items()}, key=repr):
        yield {key: value}


def _has(passage: Passage, filters: Filters) -> bool:
    return all(_fields(passage).get(key) == value for key, value in filters.items())


def _fields(passage: Passage) -> dict[str, Any]:
    return {**passage.metadata, "document_id": passage.document_id}


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[WritePath]:
    """The write path over the folder; closed at the end, as a process does that stops."""
    async with AsyncExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(4))
        path = WritePath(folder, pool, stack)
        await path.writer.recover()
        yield path
