"""One request, top to bottom."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace

from cache.semantic_cache import key_of
from cache.types import Lookup, Question, Verdict
from rag.errors import DeadlineExceeded, DependencyFailed, NotCached, Overloaded
from rag.pipeline.answer_cache import AnswerCache
from rag.pipeline.contextualize import StandaloneQuestion, contextualize
from rag.pipeline.evidence import RetrievedEvidence
from rag.pipeline.generate import Generation, generate
from rag.pipeline.ground import ground
from rag.pipeline.metering import Charge, metered
from rag.pipeline.prompt import Layout, build_prompt
from rag.pipeline.request import Answer, Ask, CacheOutcome, Cost, Delta, Event, Plan
from rag.pipeline.retrieve import Retrieved, Retriever
from rag.pipeline.rewrite import Rewriter
from rag.pipeline.route import inquire
from rag.pipeline.shadow import Case, Shadow
from rag.pipeline.shared import Shared
from rag.pipeline.single_flight import SingleFlight
from rag.pipeline.trace import Trace
from rag.ports import Embedder, Vector
from rag.resilience.ladder import STALE
from rag.resilience.limiter import AdaptiveLimiter
from rag.types import Clock, RouteOutcome, Space
from router.router import Router

Observer = Callable[[Ask, Answer], None]


class Pipeline:
    """Contextualise, look into the cache, retrieve, route, prompt, generate, ground; each stage a small module."""

    def __init__(
        self,
        *,
        cache: AnswerCache,
        embedder: Embedder,
        retriever: Retriever,
        router: Router,
        shadow: Shadow,
        rewriter: Rewriter | None,
        layout: Layout,
        admission: AdaptiveLimiter,
        position_of: Callable[[Space], int],
        clock: Clock,
        observe: Observer,
        charge: Charge,
    ) -> None:
        self._cache = cache
        self._flights = SingleFlight()
        self._embedder = embedder
        self._retriever = retriever
        self._router = router
        self._shadow = shadow
        self._rewriter = rewriter
        self._layout = layout
        self._admission = admission
        self._position_of = position_of
        self._clock = clock
        self._observe = observe
        self._charge = charge

    async def run(self, ask: Ask) -> AsyncGenerator[Event, None]:
        """One `Plan`, any number of `Delta`, one `Answer`. Closing the generator stops the work.

        Raises:
            SteadyragError: see the tree in `rag.errors`.
        """
        trace = Trace(self._clock, ask.span)
        question = contextualize(ask.messages)
        cached = Question(ask.scope, question.text, self._position_of(ask.scope.space))

        async with aclosing(self._answered(ask, question, cached, trace)) as events:
            async for each in events:
                event = _labelled(each, ask.degraded)
                if isinstance(event, Answer):
                    self._cache.answered(ask.request_id, cached)
                    self._observe(ask, event)
                yield event

    async def aclose(self) -> None:
        """Stop what is computed for nobody any more."""
        await self._flights.aclose()

    async def _answered(
        self, ask: Ask, question: StandaloneQuestion, cached: Question, trace: Trace
    ) -> AsyncGenerator[Event, None]:
        """The stored answer to the same question, or what comes past it."""
        bypass = _bypass(ask, question)
        hit = self._cache.exact(cached, max_age_s=ask.max_age_s) if bypass is None else None
        if hit is not None and hit.value is not None:
            for event in self._replay(hit.value, hit, trace):
                yield event
            return
        if bypass is not None and ask.cache == "only":
            raise _not_cached()

        if bypass is None and ask.cache == "default":
            computed = self._shared(ask, question, cached, trace)
        else:
            computed = self._admitted(ask, question, cached, bypass, trace)
        async with aclosing(computed) as events:
            async for event in events:
                yield event

    async def _shared(
        self, ask: Ask, question: StandaloneQuestion, cached: Question, trace: Trace
    ) -> AsyncGenerator[Event, None]:
        """One computation for all who ask the same at once; in an outage, an earlier answer."""
        flight = (key_of(cached), cached.version, ask.priority, ask.max_age_s)
        said, failed = False, None
        try:
            computed = self._flights.join(flight, lambda: self._in_turn(ask, question, cached, trace), ask.deadline)
            async with aclosing(computed) as events:
                async for event, own in events:
                    said = True
                    yield event if own else _anothers(event, trace)
        except DependencyFailed as error:
            failed = error
        if failed is None:
            return
        stale = None if said else self._cache.stale(cached, ask.scope.space, max_age_s=ask.max_age_s)
        if stale is None or stale.value is None:
            raise failed
        for event in self._replay(stale.value, stale, trace, (STALE.label,)):
            yield event

    async def _in_turn(
        self, ask: Ask, question: StandaloneQuestion, cached: Question, trace: Trace
    ) -> AsyncGenerator[Event, None]:
        """The answer, computed by one replica at a time."""
        async with self._cache.turn(cached, ask.deadline) as turn:
            if turn.waited:
                await self._cache.catch_up()
                hit = self._cache.exact(cached, max_age_s=ask.max_age_s)
                if hit is not None and hit.value is not None:
                    for event in self._replay(hit.value, hit, trace):
                        yield event
                    return
            async with aclosing(self._admitted(ask, question, cached, None, trace)) as events:
                async for event in events:
                    yield _labelled(event, turn.degraded)
            await self._cache.flush()

    async def _admitted(
        self, ask: Ask, question: StandaloneQuestion, cached: Question, bypass: Lookup[Answer] | None, trace: Trace
    ) -> AsyncGenerator[Event, None]:
        """What comes past the exact tier, once there is a place for it."""
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
        question = await self._standalone(ask, question, trace)
        with (
            Shared(lambda: self._embed(question, ask, trace)) as vector,
            Shared(lambda: self._retrieve(question, ask, vector, trace)) as retrieved,
        ):
            lookup = bypass
            if lookup is None:
                evidence = RetrievedEvidence(retrieved, self._retriever, ask.scope.space, ask.deadline)
                lookup = await self._cache.lookup(cached, lambda: _if_any(vector), evidence, max_age_s=ask.max_age_s)
            if lookup.value is not None:
                for event in self._replay(lookup.value, lookup, trace):
                    yield event
                return
            if ask.cache == "only":
                raise _not_cached()
            passages = await retrieved()
            async with aclosing(self._compute(ask, question, passages, vector, lookup, trace=trace)) as events:
                async for event in events:
                    if isinstance(event, Answer):
                        await self._store(ask, question, cached, event, vector)
                    yield event

    async def _compute(
        self,
        ask: Ask,
        question: StandaloneQuestion,
        retrieved: Retrieved,
        vector: Shared[Vector],
        lookup: Lookup[Answer],
        *,
        trace: Trace,
    ) -> AsyncGenerator[Event, None]:
        """The answer from the documents, as opposed to the one from the cache."""
        sources = self._layout.arrange(ask.scope.space, retrieved.passages)
        salt = self._layout.salt_of(ask.scope.space.tenant)
        prompt = build_prompt(question, ask.messages, sources, ask.sampling, salt=salt)

        with trace.stage("route"):
            inquiry = inquire(ask, prompt, retrieved.passages)
            route = await self._router.choose(ask.model, inquiry, lambda: _if_any(vector))

        generation = Generation()
        outcome = CacheOutcome(lookup.verdict, reason=lookup.reason)
        with metered(ask, inquiry, generation, self._charge), trace.stage("generate") as span:
            async with aclosing(generate(route.steps, prompt, ask.deadline, generation, span)) as pieces:
                first = await anext(pieces)
                decided = route.decision
                routed = RouteOutcome(generation.model, decided.reason, decided.score, decided.tier, decided.rule)
                degraded = tuple(dict.fromkeys(question.degraded + retrieved.degraded + generation.degraded))
                yield Plan(outcome, routed, degraded)
                if first:
                    yield Delta(first)
                async for text in pieces:
                    yield Delta(text)

        answer = Answer(
            text=generation.text,
            answered=generation.found,
            citations=ground(generation.text, sources),
            sources=sources,
            finish_reason=generation.finish_reason,
            usage=generation.usage,
            cache=outcome,
            route=routed,
            degraded=degraded,
            timings_ms=trace.timings_ms(),
            cost=Cost(generation.cost),
        )
        await self._shadow.consider(Case(ask, prompt, inquiry, route, generation, answer), lambda: _if_any(vector))
        yield answer

    def _replay(
        self, stored: Answer, lookup: Lookup[Answer], trace: Trace, degraded: tuple[str, ...] = ()
    ) -> Iterator[Event]:
        """The stored answer again, as this request's own."""
        outcome = CacheOutcome(lookup.verdict, lookup.similarity, lookup.age_s, lookup.reason)
        yield Plan(outcome, stored.route, degraded)
        yield Delta(stored.text)
        yield _served(stored, outcome, trace, degraded)

    async def _standalone(self, ask: Ask, question: StandaloneQuestion, trace: Trace) -> StandaloneQuestion:
        """A follow-up in words that need no conversation, where a model can find them."""
        if question.standalone or self._rewriter is None:
            return question
        with trace.stage("contextualize") as span:
            salt = self._layout.salt_of(ask.scope.space.tenant)
            return await self._rewriter.rewrite(question, ask.messages, ask.deadline, salt=salt, span=span)

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
            self._cache.put(cached, ask.scope, answer, await _if_any(vector))


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


def _served(answer: Answer, outcome: CacheOutcome, trace: Trace, degraded: tuple[str, ...]) -> Answer:
    """An answer that another request paid for, as this one's own."""
    saved = Cost(saved=answer.cost.amount)
    return replace(answer, cache=outcome, degraded=degraded, timings_ms=trace.timings_ms(), cost=saved)


def _anothers(event: Event, trace: Trace) -> Event:
    """An event of the computation that another request began."""
    if isinstance(event, Delta):
        return event
    outcome = event.cache
    if outcome.similarity is None:
        outcome = CacheOutcome(Verdict.EXACT, 1.0, 0.0, "the same question was being answered")
    if isinstance(event, Plan):
        return replace(event, cache=outcome)
    return _served(event, outcome, trace, event.degraded)


def _labelled(event: Event, labels: tuple[str, ...]) -> Event:
    return event if isinstance(event, Delta) or not labels else replace(event, degraded=event.degraded + labels)
