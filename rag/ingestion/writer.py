"""The write path: documents become passages, vectors and log entries; a document changes as a whole or not at all.

Order of a write: note the new points, write them to the shards, append to the log (from here on the write exists,
and its old passages do not), let the lexical index follow, drop the obsolete points. What an interruption leaves
behind is mended by `recover`, since the log alone says what exists.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rag.ingestion.chunking import Chunker
from rag.ingestion.identity import document_digest
from rag.ports import DocumentLog, Embedder, LexicalIndex, PendingPoints, Point, WriteState
from rag.retrieval.sharded import ShardedIndex
from rag.types import Change, Document, Passage, Space

#: Bounds of one step of a batch; generous, since nobody waits in front of a screen.
STEP_TIMEOUT_S = 300.0
REPLAY_BATCH = 2_000


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
        chunker: Chunker,
        embedder: Embedder,
        index: ShardedIndex,
        log: DocumentLog,
        store: WriteState,
        points: PendingPoints,
        lexical: LexicalIndex,
        ensure_space: Callable[[], None],
    ) -> None:
        self._chunker = chunker
        self._embedder = embedder
        self._index = index
        self._log = log
        self._store = store
        self._points = points
        self._lexical = lexical
        self._ensure_space = ensure_space
        self._commit = asyncio.Lock()
        self._turns = _Turns()

    async def put(self, space: Space, documents: Iterable[Document]) -> Written:
        """Store the documents, each replacing what its id held; unchanged ones cost a look at their digest.

        Raises:
            StorageFull: the disk has no room; nothing was stored.
        """
        latest = {document.id: document for document in documents}
        async with self._turns.take({(space, key) for key in latest}):
            await self._follow()  # a batch that was stored, but not indexed, comes again unchanged
            written = Written()
            changes = await self._changes(space, latest, written)
            if changes:
                await self._write(space, changes, written)
            return written

    async def delete(self, space: Space, document_ids: Sequence[str]) -> list[str]:
        """Remove the documents; gives back the ids that existed."""
        async with self._turns.take({(space, key) for key in document_ids}):
            await self._follow()
            known = await self._store.digests(space, document_ids, timeout_s=STEP_TIMEOUT_S)
            if known:
                obsolete = await self._store.passage_ids(space, known, timeout_s=STEP_TIMEOUT_S)
                await self._land([Change(space, document_id, "", ()) for document_id in known], obsolete, obsolete)
            return sorted(known)

    async def recover(self) -> None:
        """Bring the indexes to what the log says; run once, before anything is served."""
        await self._follow()
        obsolete = set(await self._points.obsolete(timeout_s=STEP_TIMEOUT_S))
        await self._settle(obsolete, obsolete)

    async def _changes(self, space: Space, documents: dict[str, Document], written: Written) -> list[Change]:
        """Cut the documents that differ from what is stored."""
        digests = await asyncio.to_thread(lambda: {key: document_digest(d) for key, d in documents.items()})
        known = await self._store.digests(space, digests, timeout_s=STEP_TIMEOUT_S)
        due = [document for key, document in documents.items() if known.get(key) != digests[key]]
        written.unchanged.extend(key for key in documents if known.get(key) == digests[key])
        cut = await asyncio.to_thread(lambda: [(document, self._chunker.split(space, document)) for document in due])
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
        vectors = await self._embedder.embed(texts, timeout_s=STEP_TIMEOUT_S)
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
        async with self._commit:
            await self._catch_up()
            stored = await self._log.append(changes, timeout_s=STEP_TIMEOUT_S)
            await self._lexical.apply(stored, timeout_s=STEP_TIMEOUT_S)
        await self._settle(obsolete, noted)

    async def _follow(self) -> None:
        async with self._commit:
            await self._catch_up()

    async def _catch_up(self) -> None:
        """Let the lexical index take in what it missed; a change past a gap would hide the gap from it."""
        while (after := self._lexical.position) < self._log.position:
            missed = await self._log.read(after, REPLAY_BATCH, timeout_s=STEP_TIMEOUT_S)
            await self._lexical.apply(missed, timeout_s=STEP_TIMEOUT_S)

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
