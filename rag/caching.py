"""The answer cache that the settings describe: the part of the composition root that knows what serves its store."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from hashlib import blake2b
from typing import Any

from cache.scorer import Scorer, default_scorer
from cache.semantic_cache import SemanticCache
from cache.verify import Verifier
from rag.errors import ConfigError
from rag.persistence import Storage
from rag.pipeline.answer_cache import AnswerCache
from rag.pipeline.request import Answer
from rag.pipeline.turns import TIMEOUT_S, Turns
from rag.ports import CacheStore, Leases
from rag.resilience.guards import Guards
from rag.settings import Settings
from rag.storage.cache.sqlite import SqliteCacheStore
from rag.storage.folder import DataFolder
from rag.types import Clock

REDIS = ("redis://", "rediss://", "redis+cluster://", "rediss+cluster://", "unix://")
#: Questions whose turn is asked for at once.
TURNS_AT_ONCE = 256


def answer_cache(
    settings: Settings,
    folder: DataFolder,
    storage: Storage,
    *,
    guards: Guards,
    wrap: Callable[[str, Any], Any],
    clock: Clock,
    stack: AsyncExitStack,
) -> AnswerCache:
    """The cache, closed with the stack; it keeps in step with its store once it was started.

    Raises:
        ConfigError: no such store, its client is missing, or weights that cannot be used.
    """
    chosen = settings.cache
    scorer = _scorer(settings)
    local: SemanticCache[Answer] = SemanticCache(
        clock.now,
        Verifier(scorer, chosen.threshold) if scorer else None,
        max_entries=chosen.max_entries,
        max_bytes=chosen.max_bytes,
        ttl_s=chosen.ttl_s,
        stale_s=chosen.stale_s,
    )
    store, leases = _shared(settings, folder, clock, stack)
    guard = guards.guard("cache", slow_s=TIMEOUT_S / 2, concurrency=TURNS_AT_ONCE) if leases else None
    cache = AnswerCache(
        local,
        storage.store,
        storage.log.position_of,
        clock,
        position=storage.log.position,
        ttl_s=chosen.ttl_s,
        store=wrap("cache", store) if store else None,
        turns=Turns(wrap("cache:turns", leases), guard) if guard else None,
    )
    stack.push_async_callback(cache.aclose)
    return cache


def _shared(
    settings: Settings, folder: DataFolder, clock: Clock, stack: AsyncExitStack
) -> tuple[CacheStore | None, Leases | None]:
    """Where answers outlive the process, and what keeps replicas from answering the same question at once."""
    url = settings.cache.store
    if url == "memory:":
        return None, None
    if url == "sqlite:":
        kept = SqliteCacheStore(
            folder.path / "answers.db", _digest(settings), clock, max_entries=settings.cache.max_entries
        )
        stack.push_async_callback(kept.aclose)
        return kept, None
    if not url.startswith(REDIS):
        raise ConfigError(f"STEADYRAG_CACHE__STORE={url!r}: use memory:, sqlite: or redis://host:6379/0")
    try:
        from rag.storage.redis.cache_join import join_cache  # noqa: PLC0415 - an extra, which only this store needs
    except ImportError:
        raise ConfigError("STEADYRAG_CACHE__STORE needs Redis' client; run: pip install 'steadyrag[redis]'") from None
    try:
        return join_cache(url, _digest(settings, _log(settings, folder)), clock, stack)
    except ConfigError as error:
        raise ConfigError(f"STEADYRAG_CACHE__STORE: {error.message}") from error


def _digest(settings: Settings, *parts: Any) -> str:
    """Names all that a stored answer depends on besides its question: what differs in it shares no answers."""
    models = settings.models.model_dump(mode="json", exclude={"api_key", "shadow"})
    told = json.dumps([settings.embedder.model, models, *parts], sort_keys=True)
    return blake2b(told.encode(), digest_size=8).hexdigest()


def _log(settings: Settings, folder: DataFolder) -> str:
    """Names the document log whose positions answers carry."""
    return f"{folder.path.resolve()}" if settings.log.url == "sqlite:" else settings.log.url


def _scorer(settings: Settings) -> Scorer | None:
    """The weights that judge similar questions; None: switched off, or those that ship are for another embedder."""
    chosen = settings.cache
    if not chosen.semantic:
        return None
    try:
        scorer = Scorer.load(chosen.scorer) if chosen.scorer else default_scorer()
    except ValueError as error:
        raise ConfigError(f"STEADYRAG_CACHE__SCORER: {error}") from error
    if scorer.embedder == settings.embedder.model:
        return scorer
    if chosen.scorer:
        raise ConfigError(f"STEADYRAG_CACHE__SCORER: the weights are for vectors of {scorer.embedder}")
    return None
