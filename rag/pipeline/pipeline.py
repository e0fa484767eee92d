"""One request, top to bottom."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace

from cache.exact import ExactCache
from cache.types import Lookup, Question, Verdict
from rag.errors import NotCached
from rag.pipeline.contextualize import StandaloneQuestion, contextualize
from rag.pipeline.generate import Generation, generate
from rag.pipeline.ground import ground, says_not_found
from rag.pipeline.prompt import build_prompt, in_marker_order
from rag.pipeline.request import Answer, Ask, CacheOutcome, Delta, Event, Plan
from rag.pipeline.retrieve import Retriever
from rag.pipeline.shared import Shared
from rag.pipeline.trace import Trace
from rag.ports import Embedder, Vector
from rag.resilience.limiter import AdaptiveLimiter
from rag.types import Clock, RouteOutcome, Space
from router.policy import Router

Observer = Callable[[Ask, Answer], None]


class Pipeline:
    """Contextualise, look into the cache, retrieve, route, prompt, generate, ground; each stage a small module."""

    def __init__(
        self,
        *,
        cache: ExactCache[Answer],
        embedder: Embedder,
        retriever: Retriever,
        router: Router,
        admission: AdaptiveLimiter,
        position_of: Callable[[Space], int],
        clock: Clock,
        observe: Observer,
    ) -> None:
        self._cache = cache
        self._embedder = embedder
        self._retriever = retriever
        self._router = router
        self._admission = admission
        self._position_of = position_of
        self._clock = clock
        self._observe = observe

    async def run(self, ask: Ask) -> AsyncGenerator[Event, None]:
        """One `Plan`, any number of `Delta`, one `Answer`. Closing the generator stops the work.

        Raises:
            SteadyragError: see the tree in `rag.errors`.
        """
        trace = Trace(self._clock)
        question = contextualize(ask.messages)
        cached = Question(ask.scope, question.text, self._position_of(ask.scope.space))

        lookup = self._lookup(ask, question, cached)
        if lookup.value is not None:
            for event in self._replay(ask, lookup.value, lookup, trace):
                yield event
            return

        computed = self._compute(ask, question, cached, lookup.verdict, trace)
        place = self._admission.slot(timeout_s=ask.deadline.remaining(), priority=ask.priority)
        async with place, aclosing(computed) as events:
            async for event in events:
                yield event

    async def _compute(
        self, ask: Ask, question: StandaloneQuestion, cached: Question, verdict: Verdict, trace: Trace
    ) -> AsyncGenerator[Event, None]:
        """The answer from the documents, as opposed to the one from the cache."""
        with Shared(lambda: self._embed(question, ask, trace)) as vector, trace.stage("retrieve"):
            retrieved = await self._retriever.retrieve(
                ask.scope.space,
                question.search_text,
                vector,
                top_k=ask.top_k,
                filters=ask.filters,
                deadline=ask.deadline,
            )
        route = self._router.choose(ask.model)
        sources = in_marker_order(retrieved.passages)
        prompt = build_prompt(question, ask.messages, sources, ask.sampling)

        generation = Generation()
        outcome = CacheOutcome(verdict)
        with trace.stage("generate"):
            steps = self._router.steps(route)
            async with aclosing(generate(steps, prompt, ask.deadline, generation)) as pieces:
                first = await anext(pieces)
                routed = RouteOutcome(generation.model, route.reason, route.score)
                degraded = retrieved.degraded + generation.degraded
                yield Plan(outcome, routed, degraded)
                if first:
                    yield Delta(first)
                async for text in pieces:
                    yield Delta(text)

        answer = Answer(
            text=generation.text,
            answered=generation.answered if generation.answered is not None else not says_not_found(generation.text),
            citations=ground(generation.text, sources),
            sources=sources,
            finish_reason=generation.finish_reason,
            usage=generation.usage,
            cache=outcome,
            route=routed,
            degraded=degraded,
            timings_ms=trace.timings_ms(),
        )
        self._store(ask, question, cached, answer)
        self._observe(ask, answer)
        yield answer

    def _lookup(self, ask: Ask, question: StandaloneQuestion, cached: Question) -> Lookup[Answer]:
        if not question.standalone:
            lookup: Lookup[Answer] = Lookup(Verdict.BYPASS, "the turn does not stand alone")
        elif ask.cache in {"no-cache", "no-store"}:
            lookup = Lookup(Verdict.BYPASS, "asked for by the caller")
        else:
            lookup = self._cache.lookup(cached, max_age_s=ask.max_age_s)
        if lookup.value is None and ask.cache == "only":
            raise NotCached("no stored answer may be served for this question, and the request allows no other")
        return lookup

    def _replay(self, ask: Ask, stored: Answer, lookup: Lookup[Answer], trace: Trace) -> Iterator[Event]:
        """The stored answer again, as this request's own."""
        outcome = CacheOutcome(lookup.verdict, lookup.similarity, lookup.age_s)
        yield Plan(outcome, stored.route, stored.degraded)
        yield Delta(stored.text)
        answer = replace(stored, cache=outcome, timings_ms=trace.timings_ms())
        self._observe(ask, answer)
        yield answer

    async def _embed(self, question: StandaloneQuestion, ask: Ask, trace: Trace) -> Vector:
        """One vector, shared by all stages that need it."""
        with trace.stage("embed"):
            vectors = await self._embedder.embed([question.search_text], timeout_s=ask.deadline.remaining())
        vector: Vector = vectors[0]
        return vector

    def _store(self, ask: Ask, question: StandaloneQuestion, cached: Question, answer: Answer) -> None:
        """Keep the answer if it is complete, found something, nothing was degraded, and nobody objects."""
        admitted = answer.answered and answer.finish_reason == "stop" and not answer.degraded
        if admitted and question.standalone and ask.cache != "no-store":
            self._cache.put(cached, answer, _size(answer))


def _size(answer: Answer) -> int:
    """Bytes that a stored answer holds, roughly: its texts, and the objects around them."""
    return 2_000 + len(answer.text) + sum(1_000 + len(source.passage.text) for source in answer.sources)
