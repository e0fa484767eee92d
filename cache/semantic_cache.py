"""The cache: exact question, then similar questions that are verified, then agreement of the evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import Generic, TypeVar

from cache.blame import Blame
from cache.candidates import Area, Candidate, Candidates, Judge
from cache.changes import Changes, Document
from cache.entries import Entries, Entry, Key
from cache.evidence import Evidence, Support, agrees
from cache.language import language
from cache.neighbours import Vector
from cache.normalise import normalise
from cache.types import Lookup, Question, Verdict

V = TypeVar("V")

#: Bytes that a question takes besides its answer, roughly: its vector, its place in the graph, its parsed form.
QUESTION_BYTES = 6_000


class SemanticCache(Generic[V]):
    """Answers in memory, bounded in entries and bytes.

    An answer that is too old, or that rests on a document that has changed, is outdated: it is no hit any more, and
    kept for `stale` alone. An answer that rests on a deleted document is dropped.

    Used from one event loop. Similar questions are found and judged on a thread of the cache's own.

    Args:
        now: the current time in seconds.
        judge: decides about similar questions; None: only the exact tier serves.
        max_entries: bound on answers.
        max_bytes: bound on the sum of the sizes that `put` was told, and of what each question takes.
        ttl_s: age past which an answer is outdated.
        stale_s: how long an outdated answer may still be served in an outage, from `ttl_s` on.
    """

    def __init__(
        self,
        now: Callable[[], float],
        judge: Judge | None = None,
        *,
        max_entries: int = 50_000,
        max_bytes: int = 256 << 20,
        ttl_s: float = 86_400,
        stale_s: float = 0.0,
    ) -> None:
        self._now = now
        self._ttl_s = ttl_s
        self._stale_s = stale_s
        self._entries: Entries[V] = Entries(max_entries, max_bytes)
        self._changes = Changes()
        self._blame: Blame[Key] = Blame()
        self._numbers = count()
        self._candidates = Candidates(judge) if judge else None
        # one thread, so that changes and questions of the index follow each other
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cache")

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry[V]]:
        """The stored answers, outdated ones among them."""
        return iter(self._entries)

    @property
    def stored_bytes(self) -> int:
        """Sum of the sizes of the stored answers and their questions."""
        return self._entries.bytes

    @property
    def semantic(self) -> bool:
        """Whether similar questions are served, too."""
        return self._candidates is not None

    async def aclose(self) -> None:
        """Finish what is under way and end the thread."""
        await asyncio.to_thread(self._thread.shutdown)

    def exact(self, question: Question, *, max_age_s: float | None = None) -> Lookup[V] | None:
        """The answer to the same question over unchanged evidence, if it is stored; needs no vector, no retrieval."""
        entry = self._entries.get(key_of(question))
        if entry is None or entry.version != question.version or not self._fresh(entry, max_age_s):
            return None
        return self._hit(entry, Verdict.EXACT, "same question, nothing changed since", 1.0)

    async def lookup(
        self,
        question: Question,
        vector: Callable[[], Awaitable[Vector | None]],
        evidence: Evidence,
        *,
        max_age_s: float | None = None,
    ) -> Lookup[V]:
        """Decide whether a stored answer may be served for the question.

        Args:
            question: what is asked.
            vector: gives the question's vector; called only if there is something to compare it with. None: there is
                none to be had.
            evidence: asked only for answers that passed everything else.
            max_age_s: the oldest answer that will do.
        """
        if (found := self.exact(question, max_age_s=max_age_s)) is not None:
            return found
        same = self._entries.get(key_of(question))
        if same is not None and self._fresh(same, max_age_s):
            return await self._settle(question, [(same, 1.0)], evidence, Verdict.EXACT)
        area = _area(question)
        if self._candidates is None or area not in self._entries.areas:
            return Lookup(Verdict.MISS, "not stored")
        if (embedded := await vector()) is None:
            return Lookup(Verdict.MISS, "the question has no vector")
        near = await self.near(question, embedded)
        accepted = [
            (each, similar.similarity) for similar in near if (each := self._served_by(question, similar, max_age_s))
        ]
        if not accepted:
            return _nothing_similar(near)
        return await self._settle(question, accepted, evidence, Verdict.SEMANTIC)

    async def near(self, question: Question, vector: Vector) -> list[Candidate]:
        """The stored questions nearest to the question, judged: the semantic tier without the evidence."""
        if self._candidates is None:
            return []
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, self._candidates.nearest, _area(question), question.text, vector
        )

    def stale(self, question: Question, *, max_age_s: float | None = None) -> Lookup[V] | None:
        """The answer to the same question, unchecked, for when neither evidence nor model is to be had.

        The caller makes sure that every deletion up to this moment was told by `changed`.
        """
        entry = self._entries.get(key_of(question))
        if entry is None or (max_age_s is not None and self._age_s(entry) > max_age_s):
            return None
        if self._age_s(entry) > self._ttl_s + self._stale_s:
            self._remove(entry)
            return None
        return self._hit(entry, Verdict.STALE, "nothing newer is to be had, and nothing could be checked", 1.0)

    def put(
        self,
        question: Question,
        value: V,
        support: Support,
        size: int,
        vector: Vector | None = None,
        *,
        name: str | None = None,
        stored_at: float | None = None,
    ) -> bool:
        """Store an answer; without a vector, or without a judge, only the exact tier serves it.

        Args:
            question: what was asked, at the version that was valid before the evidence was retrieved.
            value: the answer.
            support: what it rests on.
            size: its bytes.
            vector: the question's, shape [dimension], unit length.
            name: of the stored answer, like no other's; its number if it is not told.
            stored_at: seconds since the epoch; the present moment if it is not told.

        Returns:
            Whether it was stored; not if a document that it rests on has changed since the question's version.
        """
        if not self._changes.none_since(question.version, support.documents):
            return False
        key, number = key_of(question), next(self._numbers)
        if (before := self._entries.get(key)) is not None:
            self._remove(before)
        area = _area(question) if self._candidates is not None and vector is not None else None
        at = self._now() if stored_at is None else stored_at
        entry = Entry(key, number, name or str(number), value, support, question.version, at, area)
        evicted = self._entries.add(entry, size if area is None else size + QUESTION_BYTES)
        if self._candidates is not None and area is not None and vector is not None:
            self._index(self._candidates.add, number, area, question.text, vector)
        for gone in evicted:
            self._hide(gone)
        return True

    def changed(self, document: Document, position: int, *, deleted: bool) -> list[Entry[V]]:
        """The document is another one since `position`, or is none any more; gives the answers that rested on it."""
        self._changes.note(document, position)
        resting = self._entries.resting_on(document)
        for entry in resting:
            if deleted:
                self._remove(entry)
            else:
                self._outdate(entry)
        return resting

    def named(self, name: str) -> Entry[V] | None:
        """The answer of that name, outdated or not."""
        return self._entries.named(name)

    def drop(self, name: str) -> None:
        """Forget the answer of that name, if it is there."""
        if (entry := self._entries.named(name)) is not None:
            self._remove(entry)

    def blame(self, key: Key) -> list[Entry[V]]:
        """What was served for the question was no good: forgets it, and never serves it for this question again.

        Returns:
            The answers that were forgotten: the question's own, and the one that was last served for it.
        """
        found = [self._entries.get(each) for each in (key, self._blame.blame(key)) if each is not None]
        blamed = [entry for entry in found if entry is not None]
        for entry in blamed:
            self._remove(entry)
        return blamed

    def _served_by(self, question: Question, candidate: Candidate, max_age_s: float | None) -> Entry[V] | None:
        """The entry behind an accepted candidate, if it is still there and young enough."""
        entry = self._entries.numbered(candidate.number) if candidate.judgement.serve else None
        if entry is None or self._blame.blocked(key_of(question), entry.key):
            return None
        return entry if self._fresh(entry, max_age_s) else None

    async def _settle(
        self, question: Question, accepted: list[tuple[Entry[V], float]], evidence: Evidence, verdict: Verdict
    ) -> Lookup[V]:
        """The first of the accepted answers that the evidence agrees with."""
        ranking = await evidence.ranking()
        if ranking is None:
            return Lookup(Verdict.MISS, "retrieval did not answer, so nothing could be checked")
        for entry, similarity in accepted:
            agreed = agrees(entry.support, ranking) and await _unchanged(entry, question, evidence)
            if agreed and self._entries.get(entry.key) is entry and not entry.outdated:
                if entry.key != key_of(question):
                    self._blame.served(key_of(question), entry.key)
                return self._hit(entry, verdict, "asks the same, and the evidence agrees", similarity)
        return Lookup(Verdict.MISS, "the evidence for this question is another one")

    def _hit(self, entry: Entry[V], verdict: Verdict, reason: str, similarity: float) -> Lookup[V]:
        self._entries.hit(entry)
        return Lookup(verdict, reason, entry.value, similarity, self._age_s(entry))

    def _age_s(self, entry: Entry[V]) -> float:
        return self._now() - entry.stored_at

    def _fresh(self, entry: Entry[V], max_age_s: float | None) -> bool:
        """Whether the answer is neither outdated nor older than the caller wants."""
        age_s = self._age_s(entry)
        if age_s > self._ttl_s:
            self._outdate(entry)
        return not entry.outdated and (max_age_s is None or age_s <= max_age_s)

    def _outdate(self, entry: Entry[V]) -> None:
        """Keep the answer for an outage, if it may serve in one."""
        entry.outdated = True
        if not self._stale_s or self._age_s(entry) > self._ttl_s + self._stale_s:
            self._remove(entry)
        else:
            self._hide(entry)

    def _remove(self, entry: Entry[V]) -> None:
        self._entries.remove(entry)
        self._hide(entry)

    def _hide(self, entry: Entry[V]) -> None:
        """Take the question out of the semantic tier."""
        if self._candidates is not None and entry.area is not None:
            self._index(self._candidates.remove, entry.number, entry.area)
            self._entries.hide(entry)

    def _index(self, change: Callable[..., None], *arguments: object) -> None:
        self._thread.submit(change, *arguments).add_done_callback(_raise)


def _raise(done: Future[None]) -> None:
    """Into the log of `concurrent.futures`: an error here is a mistake of ours."""
    done.result()


def _nothing_similar(near: list[Candidate]) -> Lookup[V]:
    if not near:
        return Lookup(Verdict.MISS, "no similar question is stored")
    return Lookup(Verdict.MISS, "no similar question asks the same", detail=near[0].judgement.reason)


async def _unchanged(entry: Entry[V], question: Question, evidence: Evidence) -> bool:
    """Whether all that the answer was written from is as it was.

    For the question that was asked then, the evidence agrees from here on; what a similar one finds says nothing of it.
    """
    if entry.version >= question.version:
        return True
    if not await evidence.all_exist(entry.support.sources):
        return False
    if entry.key == key_of(question):
        entry.version = question.version
    return True


def _area(question: Question) -> Area:
    return question.scope, language(question.text)


def key_of(question: Question) -> Key:
    """What the stored answer to the question is found by."""
    return question.scope, normalise(question.text)
