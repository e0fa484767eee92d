"""The answer cache as a request meets it: in this process, bound to the documents, in step with other replicas."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from functools import partial
from uuid import uuid4

from cache.entries import Entry, Key
from cache.semantic_cache import SemanticCache, key_of
from cache.types import Lookup, Question
from rag.errors import DependencyFailed, NotFound, SteadyragError
from rag.pipeline.replication import Replication
from rag.pipeline.request import Answer
from rag.pipeline.selection import Selection
from rag.pipeline.stored import StoredAnswer, encoded_vector, packed, size_of, store_key, support_of, unpacked
from rag.pipeline.turns import Turn, Turns
from rag.ports import CacheStore, Dropped, Kept, PassageStore, Vector
from rag.types import Change, Clock, Deadline, Scope, Space

log = logging.getLogger(__name__)

#: What the store may take on a request's way.
SYNC_TIMEOUT_S = 0.05
CHECK_TIMEOUT_S = 10.0
#: Requests whose answers can be found fault with.
MOST_REQUESTS = 10_000


class AnswerCache:
    """Answers that die with their documents.

    It follows the document log as a `rag.ports.Follower`. `stale` relies on what the log told; everything else that is
    served is of the present version or was checked.

    Args:
        local: the answers of this process.
        passages: says whether what a stored answer of others rests on is still there.
        position_of: how far the document log has come, of a collection.
        position: where this process began to follow the log.
        ttl_s: age past which an answer is outdated.
        store: where answers outlive the process, and other replicas find them.
        turns: which replica answers a question that several are asked at once.
        new_name: names stored answers.
    """

    def __init__(
        self,
        local: SemanticCache[Answer],
        passages: PassageStore,
        position_of: Callable[[Space], int],
        clock: Clock,
        *,
        position: int,
        ttl_s: float,
        store: CacheStore | None = None,
        turns: Turns | None = None,
        new_name: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._local = local
        self._passages = passages
        self._position_of = position_of
        self._clock = clock
        self._position = position
        self._ttl_s = ttl_s
        self._turns = turns
        self._new_name = new_name
        self._behind: set[asyncio.Task[None]] = set()
        self._asked: OrderedDict[tuple[str, str], Key] = OrderedDict()
        self._store = store
        self.replication = None if store is None else Replication(store, self)
        self.lookup = local.lookup
        self.exact = local.exact

    def __len__(self) -> int:
        return len(self._local)

    def __iter__(self) -> Iterator[Entry[Answer]]:
        """The stored answers of this process, outdated ones among them."""
        return iter(self._local)

    @property
    def stored_bytes(self) -> int:
        """Sum of the sizes of the stored answers and their questions."""
        return self._local.stored_bytes

    @property
    def semantic(self) -> bool:
        """Whether similar questions are served, too."""
        return self._local.semantic

    def start(self) -> None:
        """Keep in step with the store until `aclose`."""
        if self.replication is not None:
            self.replication.start()

    async def aclose(self) -> None:
        """Write what is to be written, and end the cache's thread."""
        await asyncio.gather(*self._behind)
        if self.replication is not None:
            await self.replication.aclose()
        await self._local.aclose()

    def put(self, question: Question, scope: Scope, answer: Answer, vector: Vector | None) -> None:
        """Store the answer, unless one of its documents has changed since the question was asked."""
        name, at = self._new_name(), self._clock.now()
        support = support_of(scope.space, answer)
        stored = self._local.put(question, answer, support, size_of(answer), vector, name=name, stored_at=at)
        if stored and self.replication is not None:
            record = StoredAnswer(name, scope, question.text, question.version, at, encoded_vector(vector), answer)
            self.replication.write(name, partial(packed, record, self._ttl_s))

    def answered(self, request_id: str, question: Question) -> None:
        """The request was answered; it can be found fault with while it is among the last ones."""
        key = key_of(question)
        self._asked[_scope(key).space.tenant, request_id] = key  # callers name requests as they like
        if len(self._asked) > MOST_REQUESTS:
            self._asked.popitem(last=False)

    def blame(self, request_id: str, tenant: str) -> int:
        """The answer to the tenant's request was no good: forgets what is stored of it; gives the number of answers.

        Raises:
            NotFound: it is not among the last requests that this process answered, or is another tenant's.
        """
        if (key := self._asked.get((tenant, request_id))) is None:
            raise NotFound(f"no request {request_id!r} among the last {MOST_REQUESTS:,} of this replica")
        forgotten = self._local.blame(key)
        for entry in forgotten:
            self._erase(entry)
        return len(forgotten)

    def stale(self, question: Question, space: Space, *, max_age_s: float | None) -> Lookup[Answer] | None:
        """An earlier answer to the same question, unchecked; none while a deletion may not have been heard of."""
        try:
            heard = self._position >= self._position_of(space)
        except DependencyFailed:
            return None
        return self._local.stale(question, max_age_s=max_age_s) if heard else None

    def turn(self, question: Question, deadline: Deadline) -> AbstractAsyncContextManager[Turn]:
        """This replica's turn to answer the question."""
        if self._turns is None:
            return nullcontext(Turn())
        name = f"{store_key(key_of(question))}:{question.version}"
        return self._turns.take(name, lambda: self._local.exact(question) is not None, deadline)

    async def flush(self) -> None:
        """Have the others find what is stored here, if that is quickly done; else it is done behind."""
        if self.replication is not None:
            await self._soon(self.replication.flush(timeout_s=CHECK_TIMEOUT_S))

    async def catch_up(self) -> None:
        """Find what the others have stored, if that is quickly done; else it is done behind."""
        if self.replication is not None:
            await self._soon(self.replication.catch_up(timeout_s=CHECK_TIMEOUT_S))

    async def _soon(self, work: Coroutine[None, None, None]) -> None:
        """Wait a moment for the work; not by a timeout, since redis-py loses cancellations."""
        task = asyncio.create_task(_logged(work))
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)
        await asyncio.wait({task}, timeout=SYNC_TIMEOUT_S)

    @property
    def position(self) -> int:
        """See `rag.ports.Follower`."""
        return self._position

    async def apply(self, changes: Sequence[Change], *, timeout_s: float) -> None:
        """See `rag.ports.Follower`; takes no time, so that nothing of it is ever half done."""
        for change in changes:
            if change.seq <= self._position:
                continue
            document = (change.space, change.document_id)
            for entry in self._local.changed(document, change.seq, deleted=change.deleted):
                if change.deleted:
                    self._erase(entry)
            self._position = change.seq

    def selected(self, selection: Selection) -> list[Entry[Answer]]:
        """The answers of this process that are meant, outdated ones among them."""
        return [
            entry
            for entry in self._local
            if selection.fits(_scope(entry.key), entry.value, self._age_s(entry.stored_at))
        ]

    async def invalidate(self, selection: Selection) -> int:
        """Forget the answers that are meant, here and wherever the store is read; gives their number.

        Raises:
            DependencyFailed: the store failed; what it holds may come back.
        """
        names = set()
        for entry in self.selected(selection):
            names.add(entry.name)
            self._local.drop(entry.name)
            self._erase(entry)
        if self._store is not None and self.replication is not None:
            async with aclosing(self._store.everything(timeout_s=CHECK_TIMEOUT_S)) as pages:
                async for page in pages:
                    meant = await asyncio.to_thread(self._meant, selection, page.records)
                    names.update(record.name for record in meant)
                    await self._store.write(meant, timeout_s=CHECK_TIMEOUT_S)
            await self.replication.flush(timeout_s=CHECK_TIMEOUT_S)
        return len(names)

    def _meant(self, selection: Selection, records: Sequence[Kept | Dropped]) -> list[Dropped]:
        """What drops the answers that are meant."""
        found = []
        for record in records:
            stored = unpacked(record) if isinstance(record, Kept) else None
            if stored is not None and selection.fits(stored.scope, stored.answer, self._age_s(stored.stored_at)):
                found.append(Dropped(record.key, record.name))
        return found

    def _age_s(self, stored_at: float) -> float:
        return self._clock.now() - stored_at

    def _erase(self, entry: Entry[Answer]) -> None:
        if self.replication is not None:
            self.replication.write(entry.name, partial(Dropped, store_key(entry.key), entry.name))

    async def take(self, records: Sequence[Kept | Dropped]) -> None:
        """See `rag.pipeline.replication.Taker`."""
        fresh = [each for each in records if isinstance(each, Kept) and self._local.named(each.name) is None]
        read = await asyncio.to_thread(lambda: {each.name: unpacked(each) for each in fresh})
        for record in records:
            if isinstance(record, Dropped):
                self._local.drop(record.name)
            elif (stored := read.get(record.name)) is not None and record.expires_at > self._clock.now():
                await self._take_in(stored)

    def retain(self, names: Collection[str]) -> None:
        """See `rag.pipeline.replication.Taker`; outdated answers stay, the store has none of them."""
        for entry in self._local:
            if entry.name not in names and not entry.outdated:
                self._local.drop(entry.name)

    async def _take_in(self, stored: StoredAnswer) -> None:
        """Store another's answer, if all that it was written from is there unchanged."""
        space, answer = stored.scope.space, stored.answer
        support = support_of(space, answer)
        if stored.version != self._position_of(space):
            ids = sorted(support.sources)
            there = await self._passages.passages(space, ids, timeout_s=CHECK_TIMEOUT_S)
            if len(there) < len(ids):
                return
        self._local.put(
            stored.question,
            answer,
            support,
            size_of(answer),
            stored.decoded_vector(),
            name=stored.name,
            stored_at=stored.stored_at,
        )


async def _logged(work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except SteadyragError as error:  # it is tried again with the next beat
        log.warning("the answer cache is out of step with its store: %s", error.message)


def _scope(key: Key) -> Scope:
    scope = key[0]
    assert isinstance(scope, Scope)  # noqa: S101 - `put` and `take` store under no other
    return scope
