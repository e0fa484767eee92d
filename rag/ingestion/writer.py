"""The write path: documents become passages, vectors and log entries; a document changes as a whole or not at all.

Order of a write: note the new points, write them to the shards, append to the log (from here on the write exists,
and its old passages do not), wait for what follows the log, drop the obsolete points. What an interruption leaves
behind is mended by `recover`, since the log alone says what exists.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rag.ingestion.following import Following
from rag.ingestion.identity import document_digest
from rag.ports import DocumentLog, PendingPoints, Point, Preparer, WriteState
from rag.retrieval.sharded import ShardedIndex
from rag.types import Change, Document, Passage, Space

#: Bounds of one step of a batch; generous, since nobody waits in front of a screen.
STEP_TIMEOUT_S = 300.0


@dataclass(slots=True)
class Written:
    """What a write did, by document id."""

    stored: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    passages: int = 0


class Writer:
    """The only one that writes; batches that touch different documents may overlap."""

    def __init__(
        self,
        *,
        preparer: Preparer,
        index: ShardedIndex,
        log: DocumentLog,
        store: WriteState,
        points: PendingPoints,
        follower: Following,
        ensure_space: Callable[[], None],
    ) -> None:
        self._preparer = preparer
        self._index = index
        self._log = log
        self._store = store
        self._points = points
        self._follower = follower
        self._ensure_space = ensure_space
        self._turns = _Turns()

    async def put(self, space: Space, documents: Iterable[Document]) -> Written:
        """Store the documents, each replacing what its id held; unchanged ones cost a look at their digest.

        Raises:
            StorageFull: the disk has no room; nothing was stored.
        """
        latest = {document.id: document for document in documents}
        async with self._turns.take({(space, key) for key in latest}):
            await self._follower.applied(self._log.position)  # a batch that is stored may not be found yet
            written = Written()
            changes = await self._changes(space, latest, written)
            if changes:
                await self._write(space, changes, written)
            return written

    async def delete(self, space: Space, document_ids: Sequence[str]) -> list[str]:
        """Remove the documents; gives back the ids that existed."""
        async with self._turns.take({(space, key) for key in document_ids}):
            await self._follower.applied(self._log.position)
            known = await self._store.digests(space, document_ids, timeout_s=STEP_TIMEOUT_S)
            if known:
                obsolete = await self._store.passage_ids(space, known, timeout_s=STEP_TIMEOUT_S)
                await self._land([Change(space, document_id, "", ()) for document_id in known], obsolete, obsolete)
            return sorted(known)

    async def recover(self) -> None:
        """Bring the indexes to what the log says; run once, before anything is served."""
        await self._follower.catch_up()
        obsolete = set(await self._points.obsolete(timeout_s=STEP_TIMEOUT_S))
        await self._settle(obsolete, obsolete)

    async def _changes(self, space: Space, documents: dict[str, Document], written: Written) -> list[Change]:
        """Cut the documents that differ from what is stored."""
        digests = await asyncio.to_thread(lambda: {key: document_digest(d) for key, d in documents.items()})
        known = await self._store.digests(space, digests, timeout_s=STEP_TIMEOUT_S)
        due = [document for key, document in documents.items() if known.get(key) != digests[key]]
        written.unchanged.extend(key for key in documents if known.get(key) == digests[key])
        passages = await self._preparer.cut(space, due, timeout_s=STEP_TIMEOUT_S) if due else []
        cut = list(zip(due, passages, strict=True))
        written.empty.extend(document.id for document, passages in cut if not passages)
        return [
            Change(space, d.id, digests[d.id], passages, d.title, d.url, d.metadata) for d, passages in cut if passages
        ]

    async def _write(self, space: Space, changes: list[Change], written: Written) -> None:
        self._ensure_space()
        old = await self._store.passage_ids(space, [c.document_id for c in changes], timeout_s=STEP_TIMEOUT_S)
        points = await self._embed(
            space, [(c, passage) for c in changes for passage in c.passages if passage.id not in old]
        )
        fresh = {point.passage_id for point in points}
        await self._points.note(fresh, timeout_s=STEP_TIMEOUT_S)
        await self._index.upsert(points, timeout_s=STEP_TIMEOUT_S)
        await self._land(changes, old - {passage.id for c in changes for passage in c.passages}, old | fresh)
        written.stored.extend(change.document_id for change in changes)
        written.passages += sum(len(change.passages) for change in changes)

    async def _embed(self, space: Space, fresh: Sequence[tuple[Change, Passage]]) -> list[Point]:
        texts = [passage.contextual_text for _, passage in fresh]
        vectors = await self._preparer.embed(texts, timeout_s=STEP_TIMEOUT_S)
        return [
            Point(passage.id, space, change.document_id, vector, change.metadata)
            for (change, passage), vector in zip(fresh, vectors, strict=True)
        ]

    async def _land(self, changes: Sequence[Change], obsolete: set[str], noted: set[str]) -> None:
        """Append to the log and let everything follow; a cancelled caller holds the documents until that is done."""
        landing = asyncio.create_task(self._append_and_follow(changes, obsolete, noted))
        try:
            await asyncio.shield(landing)
        except asyncio.CancelledError:
            await asyncio.wait({landing})
            raise

    async def _append_and_follow(self, changes: Sequence[Change], obsolete: set[str], noted: set[str]) -> None:
        stored = await self._log.append(changes, timeout_s=STEP_TIMEOUT_S)
        await self._follower.applied(stored[-1].seq)
        await self._settle(obsolete, noted)

    async def _settle(self, obsolete: set[str], noted: set[str]) -> None:
        """Drop the obsolete points and forget the notes."""
        if obsolete:
            await self._index.delete(sorted(obsolete), timeout_s=STEP_TIMEOUT_S)
        await self._points.forget(noted, timeout_s=STEP_TIMEOUT_S)


class _Turns:
    """Batches that share a document take turns, in the order in which they came."""

    def __init__(self) -> None:
        self._batches: dict[asyncio.Event, set[tuple[Space, str]]] = {}

    @asynccontextmanager
    async def take(self, documents: set[tuple[Space, str]]) -> AsyncIterator[None]:
        """Hold the documents; begins when every earlier batch with one of them has ended."""
        earlier = [ended for ended, theirs in self._batches.items() if theirs & documents]
        mine = asyncio.Event()
        self._batches[mine] = documents
        try:
            for ended in earlier:
                await ended.wait()
            yield
        finally:
            del self._batches[mine]
            mine.set()
