"""The limits of the settings: the part of the composition root that knows where they are counted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

from rag.access.limiter import Limiter
from rag.access.limits import LimitStore
from rag.caching import REDIS
from rag.errors import ConfigError
from rag.resilience.guarded import GuardedLimitStore
from rag.resilience.guards import Guards
from rag.settings import Settings
from rag.types import Clock

#: Requests that are let in at once.
ASKED_AT_ONCE = 256
#: Stores that no other process can ask.
ALONE = frozenset({"memory:", "sqlite:"})


def open_limiter(
    settings: Settings, guards: Guards, *, wrap: Callable[[str, Any], Any], clock: Clock, stack: AsyncExitStack
) -> Limiter | None:
    """The limiter, closed with the stack; None: nobody is limited.

    Raises:
        ConfigError: no such store, or its client is missing.
    """
    quotas, cap_s = settings.quotas, settings.resilience.quotas_timeout_s
    if not quotas.bounded:
        return None
    shared, store = shared_store(settings, stack), None
    if shared is not None:
        guard = guards.guard("limits", slow_s=cap_s / 2, concurrency=ASKED_AT_ONCE)
        store = GuardedLimitStore(wrap("limits", shared), guard)
    limiter = Limiter(quotas, clock, store=store, timeout_s=cap_s)
    stack.push_async_callback(limiter.aclose)
    return limiter


def serving(settings: Settings) -> str:
    """What serves the limits, for `doctor`."""
    if not settings.quotas.bounded:
        return "nobody is limited"
    url = _url(settings)
    if url in ALONE:
        return "memory: counted by each process"
    return f"{url} shared by replicas, fail-{settings.quotas.fail}"


def shared_store(settings: Settings, stack: AsyncExitStack) -> LimitStore | None:
    """The store that replicas share, closed with the stack; None: this process is alone.

    Raises:
        ConfigError: no such store, or its client is missing.
    """
    url = _url(settings)
    if url in ALONE:
        return None
    if not url.startswith(REDIS):
        raise ConfigError(f"STEADYRAG_QUOTAS__STORE={url!r}: use memory: or redis://host:6379/0")
    try:
        from rag.storage.redis.cache_connection import connect_cache  # noqa: PLC0415 - an extra, which only Redis needs
        from rag.storage.redis.limits import RedisLimits  # noqa: PLC0415
    except ImportError:
        raise ConfigError("STEADYRAG_QUOTAS__STORE needs Redis' client; run: pip install 'steadyrag[redis]'") from None
    try:
        redis = connect_cache(url)
    except ConfigError as error:
        raise ConfigError(f"STEADYRAG_QUOTAS__STORE: {error.message}") from error
    stack.push_async_callback(redis.aclose)
    return RedisLimits(redis, uuid4().hex)


def _url(settings: Settings) -> str:
    return settings.quotas.store or settings.log.url
