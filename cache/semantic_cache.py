"""The cache: exact question, then similar questions that are verified, then agreement of the evidence."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

from cache.candidates import Area, Candidate, Candidates, Judge
from cache.eviction import S3Fifo
from cache.evidence import Evidence, Support, agrees
from cache.language import language
from cache.neighbours import Vector
from cache.normalise import normalise
from cache.types import Lookup, Question, Verdict

V = TypeVar("V")
Key = tuple[Hashable, str]

#: Bytes that a question takes besides its answer, roughly: its vector, its place in the graph, its parsed form.
QUESTION_BYTES = 6_000


@dataclass(slots=True, eq=False)
class _Entry(Generic[V]):
    key: Key
    number: int
    value: V
    support: Support
    version: int
    stored_at: float
    area: Area | None


class SemanticCache(Generic[V]):
    """Answers in memory, bounded in entries and bytes; what goes first is `cache.eviction`'s choice.

    Used from one event loop. Similar questions are found and judged on a thread of the cache's own.

    Args:
        now: the current time in seconds.
        judge: decides about similar questions; None: only the exact tier serves.
        max_entries: bound on answers.
        max_bytes: bound on the sum of the sizes that `put` was told, and of what each question takes.
        ttl_s: age past which an answer is not served.
    """

    def __init__(
        self,
        now: Callable[[], float],
        judge: Judge | None = None,
        *,
        max_entries: int = 50_000,
        max_bytes: int = 256 << 20,
        ttl_s: float = 86_400,
    ) -> None:
        self._now = now
        self._ttl_s = ttl_s
        self._kept: S3Fifo[Key] = S3Fifo(max_entries, max_bytes)
        self._entries: dict[Key, _Entry[V]] = {}
        self._numbered: dict[int, _Entry[V]] = {}
        self._numbers = count()
        self._candidates = Candidates(judge) if judge else None
        self._areas: Counter[Area] = Counter()
        # one thread, so that changes and questions of the index follow each other
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cache")

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def stored_bytes(self) -> int:
        """Sum of the sizes of the stored answers and their questions."""
        return self._kept.bytes

    @property
    def semantic(self) -> bool:
        """Whether similar questions are served, too."""
        return self._candidates is not None

    async def aclose(self) -> None:
        """Finish what is under way and end the thread."""
        await asyncio.to_thread(self._thread.shutdown)

    def exact(self, question: Question, *, max_age_s: float | None = None) -> Lookup[V] | None:
        """The answer to the same question over unchanged evidence, if it is stored; needs no vector, no retrieval."""
        entry = self._entries.get(_key(question))
        if entry is None or entry.version != question.version or self._too_old(entry, max_age_s):
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
        same = self._entries.get(_key(question))
        if same is not None and not self._too_old(same, max_age_s):
            return await self._settle(question, [(same, 1.0)], evidence, Verdict.EXACT)
        area = _area(question)
        if self._candidates is None or area not in self._areas:
            return Lookup(Verdict.MISS, "not stored")
        if (embedded := await vector()) is None:
            return Lookup(Verdict.MISS, "the question has no vector")
        near = await self.near(question, embedded)
        accepted = [(each, similar.similarity) for similar in near if (each := self._served_by(similar, max_age_s))]
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

    def put(self, question: Question, value: V, support: Support, size: int, vector: Vector | None = None) -> None:
        """Store an answer; without a vector, or without a judge, only the exact tier serves it.

        Args:
            question: what was asked, at the version that was valid before the evidence was retrieved.
            value: the answer.
            support: what it rests on.
            size: its bytes.
            vector: the question's, shape [dimension], unit length.
        """
        key, number = _key(question), next(self._numbers)
        self._forget(key)
        area = _area(question) if self._candidates is not None and vector is not None else None
        evicted = self._kept.add(key, size if area is None else size + QUESTION_BYTES)
        entry = _Entry(key, number, value, support, question.version, self._now(), area)
        self._entries[key] = self._numbered[number] = entry
        if self._candidates is not None and area is not None and vector is not None:
            self._areas[area] += 1
            self._index(self._candidates.add, number, area, question.text, vector)
        for gone in evicted:
            self._release(self._entries[gone])

    def _served_by(self, candidate: Candidate, max_age_s: float | None) -> _Entry[V] | None:
        """The entry behind an accepted candidate, if it is still there and young enough."""
        entry = self._numbered.get(candidate.number) if candidate.judgement.serve else None
        return None if entry is None or self._too_old(entry, max_age_s) else entry

    async def _settle(
        self, question: Question, accepted: list[tuple[_Entry[V], float]], evidence: Evidence, verdict: Verdict
    ) -> Lookup[V]:
        """The first of the accepted answers that the evidence agrees with."""
        ranking = await evidence.ranking()
        if ranking is None:
            return Lookup(Verdict.MISS, "retrieval did not answer, so nothing could be checked")
        for entry, similarity in accepted:
            agreed = agrees(entry.support, ranking) and await _unchanged(entry, question, evidence)
            if agreed and self._entries.get(entry.key) is entry:
                return self._hit(entry, verdict, "asks the same, and the evidence agrees", similarity)
        return Lookup(Verdict.MISS, "the evidence for this question is another one")

    def _hit(self, entry: _Entry[V], verdict: Verdict, reason: str, similarity: float) -> Lookup[V]:
        self._kept.hit(entry.key)
        return Lookup(verdict, reason, entry.value, similarity, self._now() - entry.stored_at)

    def _too_old(self, entry: _Entry[V], max_age_s: float | None) -> bool:
        age_s = self._now() - entry.stored_at
        if age_s > self._ttl_s:
            self._forget(entry.key)
        return age_s > self._ttl_s or (max_age_s is not None and age_s > max_age_s)

    def _forget(self, key: Key) -> None:
        if (entry := self._entries.get(key)) is not None:
            self._kept.remove(key)
            self._release(entry)

    def _release(self, entry: _Entry[V]) -> None:
        """Drop an entry that the eviction has let go."""
        del self._entries[entry.key], self._numbered[entry.number]
        if self._candidates is not None and entry.area is not None:
            self._areas[entry.area] -= 1
            if not self._areas[entry.area]:
                del self._areas[entry.area]
            self._index(self._candidates.remove, entry.number, entry.area)

    def _index(self, change: Callable[..., None], *arguments: object) -> None:
        self._thread.submit(change, *arguments).add_done_callback(_raise)


def _raise(done: Future[None]) -> None:
    """Into the log of `concurrent.futures`: an error here is a mistake of ours."""
    done.result()


def _nothing_similar(near: list[Candidate]) -> Lookup[V]:
    if not near:
        return Lookup(Verdict.MISS, "no similar question is stored")
    return Lookup(Verdict.MISS, "no similar question asks the same", detail=near[0].judgement.reason)


async def _unchanged(entry: _Entry[V], question: Question, evidence: Evidence) -> bool:
    """Whether all that the answer was written from is as it was.

    For the question that was asked then, the evidence agrees from here on; what a similar one finds says nothing of it.
    """
    if entry.version >= question.version:
        return True
    if not await evidence.all_exist(entry.support.sources):
        return False
    if entry.key == _key(question):
        entry.version = question.version
    return True


def _area(question: Question) -> Area:
    return question.scope, language(question.text)


def _key(question: Question) -> Key:
    return question.scope, normalise(question.text)
