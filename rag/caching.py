"""The answer cache that the settings describe."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TypeVar

from cache.scorer import Scorer, default_scorer
from cache.semantic_cache import SemanticCache
from cache.verify import Verifier
from rag.errors import ConfigError
from rag.settings import Settings
from rag.types import Clock

V = TypeVar("V")


def answer_cache(settings: Settings, clock: Clock, stack: AsyncExitStack) -> SemanticCache[V]:
    """The cache, closed with the stack.

    Raises:
        ConfigError: no such store, or weights that cannot be used.
    """
    chosen = settings.cache
    if chosen.store != "memory:":
        raise ConfigError(f"STEADYRAG_CACHE__STORE={chosen.store!r} is not supported; this version has 'memory:'")
    scorer = _scorer(settings)
    cache: SemanticCache[V] = SemanticCache(
        clock.now,
        Verifier(scorer) if scorer else None,
        max_entries=chosen.max_entries,
        max_bytes=chosen.max_bytes,
        ttl_s=chosen.ttl_s,
    )
    stack.push_async_callback(cache.aclose)
    return cache


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
