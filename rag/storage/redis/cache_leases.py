"""Leases in Redis: `SET NX PX` with the holder as value, so that only the holder renews and releases its own."""

from __future__ import annotations

from rag.storage.redis.cache_connection import Client
from rag.storage.redis.connection import call

_TAKE = """
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class RedisLeases:
    """See `rag.ports.Leases`. A lease is an optimisation here: two holders cost one computation more."""

    def __init__(self, redis: Client, cache: str) -> None:
        self._redis = redis
        self._prefix = f"steadyrag:cache:{cache}:turn"

    async def take(self, name: str, holder: str, *, lease_s: float, timeout_s: float) -> bool:
        """See `rag.ports.Leases`."""
        arguments = [self._key(name), holder, str(round(lease_s * 1000))]
        return bool(await call(self._redis.eval(_TAKE, 1, *arguments), timeout_s))

    async def release(self, name: str, holder: str, *, timeout_s: float) -> None:
        """See `rag.ports.Leases`."""
        await call(self._redis.eval(_RELEASE, 1, self._key(name), holder), timeout_s)

    def _key(self, name: str) -> str:
        return f"{self._prefix}:{name}"
