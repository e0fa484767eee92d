"""Who follows the log, how far each one is, and until when its lease runs; by Redis's clock alone."""

from __future__ import annotations

from redis.asyncio import Redis

from rag.storage.redis.connection import call

LEASES, POSITIONS = "{steadyrag}:followers:leases", "{steadyrag}:followers:positions"
_NOW = "local t = redis.call('TIME') local now = t[1] * 1000 + t[2] / 1000 "
_RENEW = (
    _NOW
    + """
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return ends and tonumber(ends) > now and 1 or 0
"""
)
_BEHIND = (
    _NOW
    + """
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
end
local behind = {}
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if tonumber(redis.call('HGET', KEYS[2], name)) < tonumber(ARGV[1]) then table.insert(behind, name) end
end
return behind
"""
)


class RedisFollowers:
    """The register of followers."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._renew = redis.register_script(_RENEW)
        self._behind = redis.register_script(_BEHIND)

    async def renew(self, name: str, position: int, *, lease_s: float, timeout_s: float) -> bool:
        """Say that `name` has applied all up to `position`, and lives for another `lease_s` from the call's arrival.

        Returns:
            Whether it had a lease until then; if not, nobody has waited for it.
        """
        arguments = [name, str(position), str(lease_s * 1000)]
        return bool(await call(self._renew(keys=[LEASES, POSITIONS], args=arguments), timeout_s))

    async def behind(self, position: int, *, timeout_s: float) -> list[str]:
        """The followers with a lease that have not applied all up to `position`."""
        names = await call(self._behind(keys=[LEASES, POSITIONS], args=[str(position)]), timeout_s)
        return [name.decode() for name in names]

    async def leave(self, name: str, *, timeout_s: float) -> None:
        """Give the lease back."""
        await call(self._redis.zrem(LEASES, name), timeout_s)
        await call(self._redis.hdel(POSITIONS, name), timeout_s)
