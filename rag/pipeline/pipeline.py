"""One request, top to bottom."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace

from cache.evidence import Support
from cache.semantic_cache import SemanticCache
from cache.types import Lookup, Question, Verdict
from rag.errors import DeadlineExceeded, DependencyFailed, NotCached, Overloaded
from rag.pipeline.contextualize import StandaloneQuestion, contextualize
from rag.pipeline.evidence import RetrievedEvidence
from rag.pipeline.generate import Generation, generate
from rag.pipeline.ground import ground, says_not_found
from rag.pipeline.prompt import build_prompt, in_marker_order
from rag.pipeline.request import Answer, Ask, CacheOutcome, Delta, Event, Plan
from rag.pipeline.retrieve import Retrieved, Retriever
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
        cache: SemanticCache[Answer],
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

        bypass = _bypass(ask, question)
        hit = self._cache.exact(cached, max_age_s=ask.max_age_s) if bypass is None else None
        if hit is not None and hit.value is not None:
            for event in self._replay(ask, hit.value, hit, trace):
                yield event
            return
        if bypass is not None and ask.cache == "only":
            raise _not_cached()

        computed = self._beyond(ask, question, cached, bypass, trace)
        place = self._admission.slot(timeout_s=ask.deadline.remaining(), priority=ask.priority)
        async with place, aclosing(computed) as events:
            admitted = self._clock.monotonic()
            async for event in events:
                if isinstance(event, Plan) and event.cache.similarity is not None:
                    place.unmeasured()  # a stored answer tells nothing of how long computed ones take
                elif isinstance(event, Answer) and event.cache.similarity is None:
                    # whole, whether or not the caller then asks for more
                    place.measured(self._clock.monotonic() - admitted)
                yield event

    async def _beyond(
        self, ask: Ask, question: StandaloneQuestion, cached: Question, bypass: Lookup[Answer] | None, trace: Trace
    ) -> AsyncGenerator[Event, None]:
        """Past the exact tier: the answer to a similar question, if its evidence agrees, or a new one.

        Vector and passages are computed once, by whoever first needs them.
        """
        with (
            Shared(lambda: self._embed(question, ask, trace)) as vector,
            Shared(lambda: self._retrieve(question, ask, vector, trace)) as retrieved,
        ):
            lookup = bypass
            if lookup is None:
                evidence = RetrievedEvidence(retrieved, self._retriever, ask.scope.space, ask.deadline)
                lookup = await self._cache.lookup(cached, lambda: _if_any(vector), evidence, max_age_s=ask.max_age_s)
            if lookup.value is not None:
                for event in self._replay(ask, lookup.value, lookup, trace):
                    yield event
                return
            if ask.cache == "only":
                raise _not_cached()
            passages = await retrieved()
            async with aclosing(self._compute(ask, question, passages, lookup, trace)) as events:
                async for event in events:
                    if isinstance(event, Answer):
                        await self._store(ask, question, cached, event, vector)
                    yield event

    async def _compute(
        self, ask: Ask, question: StandaloneQuestion, retrieved: Retrieved, lookup: Lookup[Answer], trace: Trace
    ) -> AsyncGenerator[Event, None]:
        """The answer from the documents, as opposed to the one from the cache."""
        route = self._router.choose(ask.model)
        sources = in_marker_order(retrieved.passages)
        prompt = build_prompt(question, ask.messages, sources, ask.sampling)

        generation = Generation()
        outcome = CacheOutcome(lookup.verdict, reason=lookup.reason)
        with trace.stage("generate"):
            steps = self._router.steps(route)
            async with aclosing(generate(steps, prompt, ask.deadline, generation)) as pieces:
                first = await anext(pieces)
                routed = RouteOutcome(generation.model, route.reason, route.score)
                degraded = tuple(dict.fromkeys(retrieved.degraded + generation.degraded))
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
        self._observe(ask, answer)
        yield answer

    def _replay(self, ask: Ask, stored: Answer, lookup: Lookup[Answer], trace: Trace) -> Iterator[Event]:
        """The stored answer again, as this request's own."""
        outcome = CacheOutcome(lookup.verdict, lookup.similarity, lookup.age_s, lookup.reason)
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

    async def _retrieve(
        self, question: StandaloneQuestion, ask: Ask, vector: Shared[Vector], trace: Trace
    ) -> Retrieved:
        """One retrieval, as evidence for the cache and for the prompt."""
        with trace.stage("retrieve"):
            return await self._retriever.retrieve(
                ask.scope.space,
                question.search_text,
                vector,
                top_k=ask.top_k,
                filters=ask.filters,
                deadline=ask.deadline,
            )

    async def _store(
        self, ask: Ask, question: StandaloneQuestion, cached: Question, answer: Answer, vector: Shared[Vector]
    ) -> None:
        """Keep the answer if it is complete, grounded, found something, nothing was degraded, and nobody objects."""
        whole = answer.answered and answer.finish_reason == "stop" and not answer.degraded and bool(answer.citations)
        if whole and question.standalone and ask.cache != "no-store":
            support = Support(
                frozenset(source.passage.id for source in answer.sources),
                frozenset(citation.source for citation in answer.citations),
            )
            self._cache.put(cached, answer, support, _size(answer), await _if_any(vector))


def _bypass(ask: Ask, question: StandaloneQuestion) -> Lookup[Answer] | None:
    """Why the cache is not asked, if it is not."""
    if not question.standalone:
        return Lookup(Verdict.BYPASS, "the turn does not stand alone")
    if ask.cache in {"no-cache", "no-store"}:
        return Lookup(Verdict.BYPASS, "asked for by the caller")
    return None


def _not_cached() -> NotCached:
    return NotCached("no stored answer may be served for this question, and the request allows no other")


async def _if_any(vector: Shared[Vector]) -> Vector | None:
    """The vector, or None when there is none in time; who cannot do without it meets the error again."""
    try:
        return await vector()
    except (DependencyFailed, Overloaded, DeadlineExceeded):
        return None


def _size(answer: Answer) -> int:
    """Bytes that a stored answer holds, roughly: its texts, and the objects around them."""
    return 2_000 + len(answer.text) + sum(1_000 + len(source.passage.text) for source in answer.sources)
