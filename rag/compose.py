"""The composition root: settings in, a service out. The only module that knows which adapter serves which port."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cache.exact import ExactCache
from rag.embedding.batching import BatchingEmbedder
from rag.embedding.files import prepare
from rag.embedding.onnx import OnnxModel
from rag.errors import ConfigError
from rag.ingestion.chunking import Chunker
from rag.ingestion.jobs import JobWorker
from rag.ingestion.writer import Writer
from rag.pipeline.pipeline import Observer, Pipeline
from rag.pipeline.request import Answer
from rag.pipeline.retrieve import Retriever
from rag.ports import Embedder, LexicalIndex, PassageIndex, PassageStore
from rag.resilience.events import Observer as EventObserver
from rag.resilience.guard import Guard
from rag.resilience.guarded import (
    GuardedBackend,
    GuardedEmbedder,
    GuardedLexicalIndex,
    GuardedPassageIndex,
    GuardedPassageStore,
)
from rag.resilience.guards import Guards, Protections
from rag.retrieval.analysis import Analyzer
from rag.retrieval.edge import EdgeIndex
from rag.retrieval.lexical import LocalLexicalIndex
from rag.retrieval.sharded import ShardedIndex
from rag.settings import Settings
from rag.storage.database import Database
from rag.storage.documents import SqliteDocumentLog, SqlitePassageStore
from rag.storage.folder import DataFolder
from rag.storage.jobs import JobStore
from rag.storage.points import UnsettledPoints
from rag.types import Clock, SystemClock
from router.backends.extractive import ExtractiveBackend
from router.backends.openai import OpenAIBackend
from router.policy import Router, Tier
from router.ports import ChatBackend

#: The answerer that needs no model: the default, and the last resort below every model.
EXTRACTIVE = "extractive:"
#: Calls to one target at once; more than the pipeline ever has under way, so that only a stalled target fills it.
READS_AT_ONCE = 256
#: Wraps the adapter at a seam ("embedder", "index:2", "model:small", ...); chaos puts its faults here.
Wrap = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that the entry points use."""

    settings: Settings
    clock: Clock
    folder: DataFolder
    embedder: Embedder
    store: SqlitePassageStore
    log: SqliteDocumentLog
    jobs: JobStore
    writer: Writer
    worker: JobWorker
    retriever: Retriever
    cache: ExactCache[Answer]
    guards: Guards
    pipeline: Pipeline
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
) -> Service:
    """Build the service that the settings describe and bring its indexes to what the document log says.

    Raises:
        ConfigError: settings or data folder are wrong; whatever was opened is closed again.
    """
    stack = AsyncExitStack()
    try:
        service = _build(settings, _Hooks(wrap, clock or SystemClock(), observe, on_event), stack)
        await service.writer.recover()
    except BaseException:
        await stack.aclose()
        raise
    return service


@dataclass(frozen=True, slots=True)
class _Hooks:
    """What the caller of `compose` may put in."""

    wrap: Wrap
    clock: Clock
    observe: Observer
    on_event: EventObserver


def _build(settings: Settings, hooks: _Hooks, stack: AsyncExitStack) -> Service:
    wrap, clock = hooks.wrap, hooks.clock
    folder = stack.enter_context(DataFolder(settings.data_dir, min_free_bytes=settings.limits.min_free_bytes))
    model, embedder = _embedder(settings, wrap, stack)
    folder.check_format(embedder=settings.embedder.model, dimension=model.info.dimension, shards=settings.index.shards)
    pool = stack.enter_context(ThreadPoolExecutor(settings.index.shards + 2, thread_name_prefix="search"))
    log, store, jobs, points = _storage(settings, folder.path, clock, stack)
    lexical: LexicalIndex = wrap("lexical", _lexical(settings, folder.path, pool, log.position, stack))
    shards = [wrap(f"index:{n}", s) for n, s in enumerate(_shards(settings, model.info.dimension, pool, stack))]
    writer = Writer(
        chunker=Chunker(embedder.count_tokens, max_tokens=model.info.max_tokens),
        embedder=embedder,
        index=ShardedIndex(shards),
        log=wrap("document_log", log),
        store=store,
        points=points,
        lexical=lexical,
        ensure_space=folder.ensure_space,
    )
    worker = JobWorker(jobs, writer)
    stack.push_async_callback(worker.aclose)
    limits = settings.resilience
    guards = Guards(Protections(limits.breakers, limits.timeouts, limits.limits), clock, hooks.on_event)
    stack.push_async_callback(guards.aclose)
    guarded_embedder, retriever = _guarded_reads(
        settings, guards, embedder=embedder, lexical=lexical, shards=shards, store=wrap("store", store)
    )
    cache = _cache(settings, clock)
    pipeline = Pipeline(
        cache=cache,
        embedder=guarded_embedder,
        retriever=retriever,
        router=_router(settings, guards, guarded_embedder, wrap, stack),
        admission=guards.admission("answers", least=limits.admitted, most=limits.admitted_at_most),
        position_of=log.position_of,
        clock=clock,
        observe=hooks.observe,
    )
    return Service(
        settings=settings,
        clock=clock,
        folder=folder,
        embedder=guarded_embedder,
        store=store,
        log=log,
        jobs=jobs,
        writer=writer,
        worker=worker,
        retriever=retriever,
        cache=cache,
        guards=guards,
        pipeline=pipeline,
        serving=_serving(settings, model),
        _stack=stack,
    )


def _serving(settings: Settings, model: OnnxModel) -> dict[str, str]:
    """What serves each port, for `doctor`."""
    return {
        "embedder": f"{model.info.model} ({model.precision}, onnxruntime)",
        "index": f"{settings.index.url} {settings.index.shards} shards (Qdrant Edge)",
        "lexical": f"{settings.lexical.url} BM25 (rank-bm25's model)",
        "document_log": f"{settings.log.url} SQLite",
        "cache": f"{settings.cache.store} exact match",
        "model:small": settings.models.small,
        "model:large": settings.models.large,
    }


def _guarded_reads(
    settings: Settings,
    guards: Guards,
    *,
    embedder: Embedder,
    lexical: LexicalIndex,
    shards: Sequence[PassageIndex],
    store: PassageStore,
) -> tuple[Embedder, Retriever]:
    """Every adapter of the read path behind a guard of its own; the write path waits as long as it takes."""
    limits = settings.resilience

    def guard(name: str, cap_s: float) -> Guard:
        return guards.guard(name, slow_s=cap_s / 2, concurrency=READS_AT_ONCE)

    reading = [
        GuardedPassageIndex(shard, guard(f"index:{n}", limits.index_timeout_s), limits.index_timeout_s)
        for n, shard in enumerate(shards)
    ]
    retriever = Retriever(
        GuardedLexicalIndex(lexical, guard("lexical", limits.lexical_timeout_s), limits.lexical_timeout_s),
        ShardedIndex(reading),
        GuardedPassageStore(store, guard("store", settings.timeout_s)),
    )
    cap_s = limits.embedder_timeout_s
    return GuardedEmbedder(embedder, guard("embedder", cap_s), cap_s), retriever


def _embedder(settings: Settings, wrap: Wrap, stack: AsyncExitStack) -> tuple[OnnxModel, Embedder]:
    chosen = settings.embedder
    model = OnnxModel.load(prepare(settings.cache_dir, chosen.model))
    batching = BatchingEmbedder(model, workers=chosen.workers or os.cpu_count() or 1, max_waiting=chosen.max_waiting)
    stack.push_async_callback(batching.aclose)
    embedder: Embedder = wrap("embedder", batching)
    return model, embedder


def _storage(
    settings: Settings, folder: Path, clock: Clock, stack: AsyncExitStack
) -> tuple[SqliteDocumentLog, SqlitePassageStore, JobStore, UnsettledPoints]:
    _only("sqlite:", settings.log.url, "LOG__URL")
    database = Database(folder / "catalog.db")
    stack.push_async_callback(database.aclose)
    return (
        SqliteDocumentLog(database, clock),
        SqlitePassageStore(database),
        JobStore(database, clock),
        UnsettledPoints(database),
    )


def _lexical(
    settings: Settings, folder: Path, pool: ThreadPoolExecutor, newest: int, stack: AsyncExitStack
) -> LexicalIndex:
    _only("memory:", settings.lexical.url, "LEXICAL__URL")
    local = LocalLexicalIndex(folder / "lexical.db", Analyzer(), pool, newest)
    stack.push_async_callback(local.aclose)
    return local


def _shards(
    settings: Settings, dimension: int, pool: ThreadPoolExecutor, stack: AsyncExitStack
) -> Iterator[PassageIndex]:
    scheme, _, place = settings.index.url.partition(":")
    _only("edge", scheme, "INDEX__URL")
    root = Path(place) if place else settings.data_dir / "index"
    for number in range(settings.index.shards):
        shard = EdgeIndex(root / f"shard-{number}", dimension, pool)
        stack.callback(shard.close)
        yield shard


def _cache(settings: Settings, clock: Clock) -> ExactCache[Answer]:
    chosen = settings.cache
    _only("memory:", chosen.store, "CACHE__STORE")
    return ExactCache(clock.now, max_entries=chosen.max_entries, max_bytes=chosen.max_bytes, ttl_s=chosen.ttl_s)


def _router(settings: Settings, guards: Guards, embedder: Embedder, wrap: Wrap, stack: AsyncExitStack) -> Router:
    urls: dict[Tier, str] = {"small": settings.models.small, "large": settings.models.large}
    backends: dict[Tier, ChatBackend] = {}
    limits = settings.resilience
    for tier, url in urls.items():
        backend = _backend(tier, url, settings, embedder)
        stack.push_async_callback(backend.aclose)
        guard = guards.guard(f"model:{tier}", slow_s=limits.first_token_s / 2, concurrency=READS_AT_ONCE)
        backends[tier] = GuardedBackend(wrap(f"model:{tier}", backend), guard, limits.first_token_s)
    last_resort = None if urls["small"] == EXTRACTIVE else _backend("small", EXTRACTIVE, settings, embedder)
    return Router(backends, "large" if settings.models.default == "large" else "small", last_resort)


def _backend(tier: Tier, url: str, settings: Settings, embedder: Embedder) -> ChatBackend:
    if url == EXTRACTIVE:
        return ExtractiveBackend(
            lambda texts, timeout_s: embedder.embed(texts, timeout_s=timeout_s), embedder.count_tokens
        )
    base, _, name = url.partition("#")
    if not base.startswith(("http://", "https://")) or not name:
        raise ConfigError(
            f"STEADYRAG_MODELS__{tier.upper()}={url!r}: use extractive: or http://host:8000/v1#model-name"
        )
    return OpenAIBackend(base, name, api_key=settings.models.api_key)


def _only(supported: str, chosen: str, key: str) -> None:
    """Refuse a back end that this version does not have."""
    if chosen != supported:
        raise ConfigError(f"STEADYRAG_{key}={chosen!r} is not supported; this version has {supported!r}")
