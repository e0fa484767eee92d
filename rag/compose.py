"""The composition root: settings in, a service out. Only it and its parts know which adapter serves which port.

The parts are `rag.indexes`, `rag.persistence`, `rag.caching`, `rag.limiting`, `rag.models` and `rag.tracing`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rag.access.access import Access
from rag.access.limiter import Limiter
from rag.caching import answer_cache
from rag.embedding.batching import BatchingEmbedder
from rag.embedding.files import model_folder, prepare
from rag.embedding.onnx import OnnxModel
from rag.indexes import LEXICAL, dense_index, lexical_index
from rag.ingestion.chunking import Chunker
from rag.ingestion.following import LeasedLexicalIndex, LogFollower
from rag.ingestion.here import LocalPreparer
from rag.ingestion.jobs import RETRIES, JobWorker
from rag.ingestion.process import ProcessPreparer
from rag.ingestion.together import Together
from rag.ingestion.writer import Writer
from rag.limiting import open_limiter
from rag.models import Models, open_models
from rag.persistence import Storage, open_storage
from rag.pipeline.answer_cache import AnswerCache
from rag.pipeline.pipeline import Observer, Pipeline
from rag.pipeline.prompt import Layout
from rag.pipeline.retrieve import Reranking, Retriever
from rag.ports import DenseShard, Embedder, LexicalIndex, PassageStore, Preparer
from rag.resilience.events import Observer as EventObserver
from rag.resilience.guard import Guard
from rag.resilience.guarded import (
    GuardedEmbedder,
    GuardedLexicalIndex,
    GuardedPassageIndex,
    GuardedPassageStore,
    GuardedReranker,
)
from rag.resilience.guards import Guards, Protections
from rag.resilience.limiter import AdaptiveLimiter
from rag.retrieval.candidates import CandidateFinder
from rag.retrieval.dense import Dense
from rag.retrieval.feedback import ShardedVectors
from rag.retrieval.hot import HotQueries
from rag.retrieval.rerank import CrossEncoderReranker
from rag.retrieval.sharded import ShardedIndex
from rag.settings import ResilienceSettings, Settings
from rag.storage.documents import SqliteDocumentLog, SqlitePassageStore
from rag.storage.folder import DataFolder
from rag.storage.jobs import JobStore
from rag.storage.letters import DeadLetters
from rag.telemetry.tracing import Tracer
from rag.tracing import observing, open_tracer
from rag.types import Clock, Space, SystemClock

if TYPE_CHECKING:
    from rag.storage.redis.jobs import RedisJobStore
    from rag.storage.redis.replica import Replica

#: How often a replica looks for jobs that others submitted.
QUEUE_POLL_S = 0.5
#: Calls to one target at once; more than the pipeline ever has under way, so that only a stalled target fills it.
READS_AT_ONCE = 256
#: The reranker computes one call after another, so that more would only wait for their time to run out.
RERANKS_AT_ONCE = 4
#: Wraps the adapter at a seam ("embedder", "index:2", "model:small", ...); chaos puts its faults here.
Wrap = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that the entry points use."""

    settings: Settings
    clock: Clock
    folder: DataFolder
    access: Access
    limiter: Limiter | None
    embedder: Embedder
    store: SqlitePassageStore
    log: SqliteDocumentLog | Replica
    jobs: JobStore | RedisJobStore
    letters: DeadLetters
    writer: Writer
    worker: JobWorker
    retriever: Retriever
    cache: AnswerCache
    dense: Dense
    guards: Guards
    admission: AdaptiveLimiter
    models: Models
    pipeline: Pipeline
    tracer: Tracer
    serving: dict[str, str]
    _stack: AsyncExitStack

    async def aclose(self) -> None:
        """Finish writes, flush the shards, give back connections and the data folder."""
        await self._stack.aclose()


async def compose(
    settings: Settings,
    *,
    wrap: Wrap = lambda _seam, adapter: adapter,
    clock: Clock | None = None,
    observe: Observer = lambda _ask, _answer: None,
    on_event: EventObserver = lambda _event: None,
    background: bool = False,
) -> Service:
    """Build the service that the settings describe and bring its indexes to what the document log says.

    Args:
        settings: what to build.
        wrap: put around the adapter of each seam.
        clock: the source of time.
        observe: told of every answer.
        on_event: told of what happens to dependencies.
        background: whether documents are prepared in a process of low priority, for the sake of questions.

    Raises:
        ConfigError: settings or data folder are wrong; whatever was opened is closed again.
    """
    stack = AsyncExitStack()
    try:
        service = await _build(_Hooks(settings, wrap, clock or SystemClock(), observe, on_event, background), stack)
        await service.access.start()
        await service.writer.recover()
        service.cache.start()
    except BaseException:
        await stack.aclose()
        raise
    return service


@dataclass(frozen=True, slots=True)
class _Hooks:
    """What the caller of `compose` may put in."""

    settings: Settings
    wrap: Wrap
    clock: Clock
    observe: Observer
    on_event: EventObserver
    background: bool


async def _build(hooks: _Hooks, stack: AsyncExitStack) -> Service:
    settings, wrap, clock = hooks.settings, hooks.wrap, hooks.clock
    tracer = open_tracer(settings.telemetry, clock, stack)
    folder = stack.enter_context(DataFolder(settings.data_dir, min_free_bytes=settings.limits.min_free_bytes))
    model, embedder = _embedder(settings, wrap, stack)
    folder.check_format(embedder=settings.embedder.model, dimension=model.info.dimension, shards=settings.index.shards)
    storage = open_storage(settings, folder, clock, stack)
    lexical, dense = await _indexes(hooks, stack, folder=folder, storage=storage, dimension=model.info.dimension)
    guards = Guards(_protections(settings.resilience), clock, hooks.on_event)
    stack.push_async_callback(guards.aclose)
    cache = answer_cache(settings, folder, storage, guards=guards, wrap=wrap, clock=clock, stack=stack)
    follower, writer, worker = _writing(
        settings,
        hooks,
        stack,
        folder=folder,
        storage=storage,
        preparer=_preparer(settings, model, embedder, hooks, stack),
        lexical=lexical,
        cache=cache,
        index=ShardedIndex(dense.shards),
    )
    guarded_embedder, retriever = _guarded_reads(
        settings,
        guards,
        embedder=embedder,
        lexical=lexical,
        follower=follower,
        dense=dense,
        store=storage.leased(wrap("store", storage.store)),
        log=storage.log,
        reranking=_reranking(settings, guards, wrap, stack),
    )
    admission, models, limiter, pipeline = _answering(
        hooks, stack, guards, cache=cache, embedder=guarded_embedder, retriever=retriever, log=storage.log
    )
    return Service(
        settings=settings,
        clock=clock,
        folder=folder,
        access=_access(settings, storage, clock, stack),
        limiter=limiter,
        embedder=guarded_embedder,
        store=storage.store,
        log=storage.log,
        jobs=storage.jobs,
        letters=storage.letters,
        writer=writer,
        worker=worker,
        retriever=retriever,
        cache=cache,
        dense=dense,
        guards=guards,
        admission=admission,
        models=models,
        pipeline=pipeline,
        tracer=tracer,
        serving=_serving(settings, model, dense, cache) | models.serving(),
        _stack=stack,
    )


def _access(settings: Settings, storage: Storage, clock: Clock, stack: AsyncExitStack) -> Access:
    access = Access(storage.keys, clock, admin_key=settings.admin_key, shared=storage.replica is not None)
    stack.push_async_callback(access.aclose)
    return access


async def _indexes(
    hooks: _Hooks, stack: AsyncExitStack, *, folder: DataFolder, storage: Storage, dimension: int
) -> tuple[LexicalIndex, Dense]:
    settings, wrap = hooks.settings, hooks.wrap
    pool = stack.enter_context(ThreadPoolExecutor(settings.index.shards + 2, thread_name_prefix="search"))
    newest, shared = storage.log.position, storage.replica is not None
    found = await lexical_index(settings, dimension, pool, stack, newest=newest, shared=shared)
    lexical: LexicalIndex = wrap("lexical", found)
    dense = _wrapped(dense_index(settings, folder, dimension, pool, stack), wrap)
    await dense.start()
    return lexical, dense


def _answering(
    hooks: _Hooks,
    stack: AsyncExitStack,
    guards: Guards,
    *,
    cache: AnswerCache,
    embedder: Embedder,
    retriever: Retriever,
    log: SqliteDocumentLog | Replica,
) -> tuple[AdaptiveLimiter, Models, Limiter | None, Pipeline]:
    """What a question passes, with those who are asked in the end."""
    settings, wrap, clock = hooks.settings, hooks.wrap, hooks.clock
    limits, prompt = settings.resilience, settings.prompt
    admission = guards.admission("answers", least=limits.admitted, most=limits.admitted_at_most)
    models = open_models(settings, guards, embedder, wrap=wrap, clock=clock, stack=stack)
    limiter = open_limiter(settings, guards, wrap=wrap, clock=clock, stack=stack)
    pipeline = Pipeline(
        cache=cache,
        embedder=embedder,
        retriever=retriever,
        router=models.router,
        shadow=models.shadow,
        rewriter=models.rewriter,
        layout=Layout(prompt.order, salted=prompt.cache_salt),
        admission=admission,
        position_of=log.position_of,
        clock=clock,
        observe=observing(settings.telemetry, hooks.observe),
        charge=limiter.charge if limiter else lambda *_: None,
    )
    stack.push_async_callback(pipeline.aclose)
    return admission, models, limiter, pipeline


def _writing(
    settings: Settings,
    hooks: _Hooks,
    stack: AsyncExitStack,
    *,
    folder: DataFolder,
    storage: Storage,
    preparer: Preparer,
    lexical: LexicalIndex,
    cache: AnswerCache,
    index: ShardedIndex,
) -> tuple[LogFollower, Writer, JobWorker]:
    """The write path; what it waits for is this process, and other replicas where there are any."""
    log, replica = hooks.wrap("document_log", storage.log), storage.replica
    follower = LogFollower("the lexical index", lexical, log, hooks.clock)
    together = Together([follower, LogFollower("the answer cache", cache, log, hooks.clock)])
    stack.push_async_callback(together.aclose)
    if replica is not None:
        folder.fix_format()  # what others write lands here, too
        replica.lead(together)
        replica.start()
    writer = Writer(
        preparer=preparer,
        index=index,
        log=log,
        store=storage.store,
        points=storage.points,
        follower=replica or together,
        ensure_space=folder.before_write,
    )
    retries = replace(RETRIES, attempts=settings.ingestion.attempts)
    poll_s = None if replica is None else QUEUE_POLL_S
    worker = JobWorker(storage.jobs, storage.letters, writer, retries=retries, poll_s=poll_s)
    stack.push_async_callback(worker.aclose)
    return follower, writer, worker


def _protections(limits: ResilienceSettings) -> Protections:
    return Protections(limits.breakers, limits.timeouts, limits.limits, limits.retries, limits.retry_budget)


def _serving(settings: Settings, model: OnnxModel, dense: Dense, cache: AnswerCache) -> dict[str, str]:
    """What serves each port, for `doctor`."""
    return {
        "embedder": f"{model.info.model} ({model.precision}, onnxruntime)",
        "index": f"{settings.index.url} {settings.index.shards} shards ({dense.engine})",
        "lexical": f"{settings.lexical.url} BM25 ({LEXICAL[settings.lexical.url]})",
        "document_log": "sqlite: SQLite" if settings.log.url == "sqlite:" else "Redis, folded into SQLite",
        "cache": f"{settings.cache.store} exact and similar questions"
        if cache.semantic
        else f"{settings.cache.store} exact match",
    }


def _guarded_reads(
    settings: Settings,
    guards: Guards,
    *,
    embedder: Embedder,
    lexical: LexicalIndex,
    follower: LogFollower,
    dense: Dense,
    store: PassageStore,
    log: SqliteDocumentLog | Replica,
    reranking: Reranking | None,
) -> tuple[Embedder, Retriever]:
    """Every adapter of the read path behind a guard of its own; the write path waits as long as it takes."""
    limits = settings.resilience

    def guard(name: str, cap_s: float) -> Guard:
        return guards.guard(name, slow_s=cap_s / 2, concurrency=READS_AT_ONCE)

    def reading(shard: DenseShard, name: str) -> DenseShard:
        return GuardedPassageIndex(shard, guard(name, limits.index_timeout_s), limits.index_timeout_s)

    shards = [reading(shard, f"index:{n}") for n, shard in enumerate(dense.shards)]
    whole = reading(dense.whole, "index") if dense.whole else None
    reading_lexical = GuardedLexicalIndex(lexical, guard("lexical", limits.lexical_timeout_s), limits.lexical_timeout_s)
    chosen = settings.retrieval
    finder = CandidateFinder(
        LeasedLexicalIndex(reading_lexical, follower),
        ShardedIndex(shards, whole),
        ShardedVectors([whole] if whole else shards),
        feedback=chosen.feedback,
        plan="tiered" if chosen.plan == "tiered" else "fused",
    )

    def settled_at(space: Space) -> int | None:
        position = log.position_of(space)
        return position if lexical.position >= position else None

    retriever = Retriever(
        finder,
        GuardedPassageStore(store, guard("store", limits.store_timeout_s), limits.store_timeout_s),
        hot=HotQueries(chosen.hot_entries, settled_at),
        reranking=reranking,
    )
    cap_s = limits.embedder_timeout_s
    return GuardedEmbedder(embedder, guard("embedder", cap_s), cap_s), retriever


def _reranking(settings: Settings, guards: Guards, wrap: Wrap, stack: AsyncExitStack) -> Reranking | None:
    model, budget_s = settings.retrieval.reranker, settings.resilience.reranker_timeout_s
    if model is None:
        return None
    encoder = CrossEncoderReranker(model)
    stack.push_async_callback(encoder.aclose)
    guard = guards.guard("reranker", slow_s=budget_s, concurrency=RERANKS_AT_ONCE)
    return Reranking(GuardedReranker(wrap("reranker", encoder), guard, budget_s), settings.retrieval.reranked, budget_s)


def _embedder(settings: Settings, wrap: Wrap, stack: AsyncExitStack) -> tuple[OnnxModel, Embedder]:
    chosen = settings.embedder
    model = OnnxModel.load(prepare(settings.cache_dir, chosen.model))
    batching = BatchingEmbedder(model, workers=chosen.workers or os.cpu_count() or 1, max_waiting=chosen.max_waiting)
    stack.push_async_callback(batching.aclose)
    embedder: Embedder = wrap("embedder", batching)
    return model, embedder


def _preparer(
    settings: Settings, model: OnnxModel, embedder: Embedder, hooks: _Hooks, stack: AsyncExitStack
) -> Preparer:
    preparer: Preparer = LocalPreparer(Chunker(embedder.count_tokens, max_tokens=model.info.max_tokens), embedder)
    if hooks.background:
        folder = model_folder(settings.cache_dir, settings.embedder.model)
        preparer = ProcessPreparer(folder, model.info.dimension, settings.ingestion.workers)
    stack.push_async_callback(preparer.aclose)
    return preparer


def _wrapped(dense: Dense, wrap: Wrap) -> Dense:
    shards = [wrap(f"index:{n}", shard) for n, shard in enumerate(dense.shards)]
    return replace(dense, shards=shards, whole=wrap("index", dense.whole) if dense.whole else None)
