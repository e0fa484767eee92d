"""A process joins the replicas that share an answer cache: what of it is in Redis, made from a URL."""

from __future__ import annotations

from contextlib import AsyncExitStack

from rag.storage.redis.cache import RedisCacheStore
from rag.storage.redis.cache_connection import connect_cache
from rag.storage.redis.cache_leases import RedisLeases
from rag.types import Clock


def join_cache(url: str, cache: str, clock: Clock, stack: AsyncExitStack) -> tuple[RedisCacheStore, RedisLeases]:
    """The store and the leases, closed with the stack; over connections of their own, since requests wait for leases.

    Args:
        url: of the server or the Cluster.
        cache: which cache.
        clock: tells what has expired.
        stack: closes the connections.

    Raises:
        ConfigError: it is no Redis URL.
    """
    answers, turns = connect_cache(url), connect_cache(url)
    for client in (answers, turns):
        stack.push_async_callback(client.aclose)
    return RedisCacheStore(answers, cache, clock), RedisLeases(turns, cache)
