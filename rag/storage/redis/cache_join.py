"""A process joins the replicas that share an answer cache: what of it is in Redis, made from a URL."""

from __future__ import annotations

from contextlib import AsyncExitStack

from rag.storage.redis.cache import RedisCacheStore
from rag.storage.redis.cache_connection import connect_cache
from rag.storage.redis.cache_leases import RedisLeases
from rag.storage.redis.connection import SOCKET_TIMEOUT_S
from rag.types import Clock


def join_cache(
    url: str, cache: str, clock: Clock, stack: AsyncExitStack, *, brief_s: float
) -> tuple[RedisCacheStore, RedisLeases]:
    """The store and the leases, closed with the stack; over connections of their own, since requests wait for leases.

    Args:
        url: of the server or the Cluster.
        cache: which cache.
        clock: tells what has expired.
        stack: closes the connections.
        brief_s: what a step of asking for a lease may take, seconds.

    Raises:
        ConfigError: it is no Redis URL.
    """
    behind, brief = connect_cache(url, SOCKET_TIMEOUT_S), connect_cache(url, brief_s)
    for client in (behind, brief):
        stack.push_async_callback(client.aclose)
    return RedisCacheStore(behind, cache, clock), RedisLeases(brief, cache)
