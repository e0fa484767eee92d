"""BM25 on Qdrant as a `LexicalIndex`: a sparse vector for each passage, in a collection beside the dense one.

The position in the document log lies in the collection itself, on a point of its own: what happens to the data, such as
a snapshot that is brought back, happens to the position too, and the log is read again from there. A file on this side
would go on to say that all is there.

Replicas that share the log write the same points. Each point carries the sequence number of its change, and a change
removes only what is older than itself, so that a slow replica cannot take away what a fast one has written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from typing import TypeVar
from uuid import UUID

from qdrant_client import AsyncQdrantClient
from qdrant_client.models import (
    FieldCondition,
    Filter,
    FilterSelector,
    IdfCorpusParams,
    MatchAny,
    Modifier,
    PointStruct,
    Range,
    SearchParams,
    SparseVectorParams,
)

from rag.retrieval.analysis import Analyzer
from rag.retrieval.payload import FIELDS, SPACE, payload
from rag.retrieval.qdrant.collections import KEYWORD, STEP_TIMEOUT_S, TENANT, Layout
from rag.retrieval.qdrant.connection import connect
from rag.retrieval.qdrant.errors import mapped
from rag.retrieval.qdrant.points import BATCH, conditions, whole
from rag.retrieval.qdrant.sparse import VERSION, passage_vector, question_vector
from rag.types import Change, Filters, Hit, Space

T = TypeVar("T")

NAME = "the lexical index on Qdrant"
VECTOR, SEQ, POSITION = "bm25", "seq", "position"
#: Carries the position; no search finds it, since it lies in no space.
POSITION_POINT = str(UUID(int=0))
#: Documents that are analysed, written and freed of what is older before the next ones.
DOCUMENTS = 256


class QdrantLexicalIndex:
    """A `LexicalIndex` over a collection; `prepare` comes before everything else.

    Scores are BM25's with the passages' lengths against a fixed mean and the IDF of the space, counted by each shard
    for itself. A passage takes nothing from its neighbours.

    Args:
        client: shared by all who ask.
        layout: the dense collection beside which this one lies: as many shards, as many copies.
        analyzer: texts to terms.
        pool: where texts are analysed.
    """

    def __init__(self, client: AsyncQdrantClient, layout: Layout, analyzer: Analyzer, pool: ThreadPoolExecutor) -> None:
        self._client = client
        self._layout = layout
        self._analyzer = analyzer
        self._pool = pool
        self._position = 0
        self.collection = f"{layout.collection}.bm25.{analyzer.version.replace(' ', '-')}.v{VERSION}"

    @property
    def position(self) -> int:
        """See `rag.ports.LexicalIndex`."""
        return self._position

    async def prepare(self, newest: int | None = None) -> None:
        """Make the collection, or what is missing of it, and ask for the position.

        Args:
            newest: the log's position, where nobody else writes to the log: a collection that is past it belongs to
                another log, as after an older one was restored, and is made anew.
        """
        async with mapped(f"setting up {self.collection}", 4 * STEP_TIMEOUT_S):
            await self._create()
            self._position = await self._stored_position()
            if newest is not None and self._position > newest:
                await self._client.delete_collection(self.collection)
                await self._create()
                self._position = 0

    async def search(self, space: Space, text: str, limit: int, filters: Filters, *, timeout_s: float) -> list[Hit]:
        """See `rag.ports.LexicalIndex`."""
        async with mapped(NAME, timeout_s):
            terms = await self._run(lambda: self._analyzer.terms(text))
            if not terms:
                return []
            found = await self._client.query_points(
                self.collection,
                query=question_vector(terms),
                using=VECTOR,
                query_filter=Filter(must=list(conditions(space, filters))),
                limit=limit,
                search_params=SearchParams(idf=IdfCorpusParams(corpus=Filter(must=list(conditions(space, {}))))),
                with_payload=False,
                timeout=whole(timeout_s),
            )
        return [Hit(str(point.id), point.score) for point in found.points]

    async def apply(self, changes: Sequence[Change], *, timeout_s: float) -> None:
        """See `rag.ports.LexicalIndex`. Where the collection has gone back, it goes back with it, and takes in none."""
        if not changes or changes[-1].seq <= self._position:
            return
        async with mapped(NAME, timeout_s):
            before, self._position = self._position, await self._stored_position()
            due = [change for change in changes if change.seq > self._position]
            if not due or self._position < before:
                return
            await self._replace({(change.space, change.document_id): change for change in due}, due[-1].seq)
            await self._upsert([PointStruct(id=POSITION_POINT, vector={}, payload={POSITION: due[-1].seq})])
            self._position = due[-1].seq

    async def _replace(self, latest: Mapping[tuple[Space, str], Change], newest: int) -> None:
        """Write the documents, then remove what was written of them before: a search always finds one of the two."""
        changes = list(latest.values())
        for start in range(0, len(changes), DOCUMENTS):
            some = changes[start : start + DOCUMENTS]
            points = await self._run(partial(self._points, some))
            for first in range(0, len(points), BATCH):
                await self._upsert(points[first : first + BATCH])
            for space in {change.space for change in some}:
                older = _older([change for change in some if change.space == space], newest)
                await self._client.delete(self.collection, FilterSelector(filter=older), wait=True)

    def _points(self, changes: Sequence[Change]) -> list[PointStruct]:
        """The documents' passages."""
        terms = self._analyzer.terms
        return [
            PointStruct(
                id=passage.id,
                vector={VECTOR: passage_vector(terms(passage.context), terms(passage.text))},
                payload={**payload(change), SEQ: change.seq},
            )
            for change in changes
            for passage in change.passages
        ]

    async def _upsert(self, points: Sequence[PointStruct]) -> None:
        await self._client.upsert(self.collection, points, wait=True)

    async def _stored_position(self) -> int:
        found = await self._client.retrieve(self.collection, [POSITION_POINT])
        return int((found[0].payload or {})[POSITION]) if found else 0

    async def _create(self) -> None:
        if not await self._client.collection_exists(self.collection):
            await self._client.create_collection(
                self.collection,
                vectors_config={},
                sparse_vectors_config={VECTOR: SparseVectorParams(modifier=Modifier.IDF)},
                shard_number=self._layout.shards,
                replication_factor=self._layout.replication_factor,
                write_consistency_factor=self._layout.write_consistency_factor,
            )
        for field, schema in ((SPACE, TENANT), (FIELDS, KEYWORD)):
            await self._client.create_payload_index(self.collection, field, schema, wait=True)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _older(changes: Sequence[Change], newest: int) -> Filter:
    """The points of the changes' documents, all of one space, that none of the changes wrote, and none after them.

    Args:
        changes: of each document the last one up to `newest`.
        newest: sequence number up to which the log has been read.
    """
    theirs = conditions(changes[0].space, {"document_id": [change.document_id for change in changes]})
    return Filter(
        must=[*theirs, FieldCondition(key=SEQ, range=Range(lte=newest))],
        must_not=[FieldCondition(key=SEQ, match=MatchAny(any=[change.seq for change in changes]))],
    )


async def lexical(
    url: str,
    api_key: str | None,
    layout: Layout,
    stack: AsyncExitStack,
    *,
    pool: ThreadPoolExecutor,
    newest: int | None,
) -> QdrantLexicalIndex:
    """The index on the server at `url`, ready; see `QdrantLexicalIndex` and its `prepare`.

    Raises:
        ConfigError: the URL names no server.
        Unavailable: the server does not answer.
    """
    client = connect(url, api_key)
    stack.push_async_callback(client.close)
    index = QdrantLexicalIndex(client, layout, Analyzer(), pool)
    await index.prepare(newest)
    return index
