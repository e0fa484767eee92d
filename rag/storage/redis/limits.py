"""The states of limits in Redis, shared by replicas: one script, so one trip, for all limits of a request.

All keys of a tenant share a hash tag: a Cluster keeps them on one node, and spreads tenants over its nodes. A bucket is
what is used and when that was, by Redis's clock; where that steps back, the bucket drains on from there. A budget is a
total of each replica: one that is told twice, or late, changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from rag.access.limits import DAY_S, Limit, Taken
from rag.storage.redis.cache_connection import Client
from rag.storage.redis.connection import call
from rag.types import Clock

#: Seconds that a state is kept past the moment from which on it tells nothing.
SPARE_S = 60
_TAKE = """
local time = redis.call('TIME')
local now = tonumber(ARGV[1]) or time[1] + time[2] / 1e6
local used, open = {}, true
for n, key in ipairs(KEYS) do
  local window, quota, least = tonumber(ARGV[3 * n - 1]), tonumber(ARGV[3 * n]), tonumber(ARGV[3 * n + 1])
  used[n] = 0
  if window == 0 then
    for _, total in ipairs(redis.call('HVALS', key)) do used[n] = used[n] + total end
  else
    local kept = redis.call('HMGET', key, 'used', 'at')
    if kept[1] then
      if now < tonumber(kept[2]) then redis.call('HSET', key, 'at', string.format('%.17g', now)) end
      used[n] = math.max(0, math.min(quota, kept[1]) - math.max(0, now - kept[2]) * quota / window)
    end
  end
  open = open and quota - used[n] >= least
end
for n, key in ipairs(KEYS) do
  local window = tonumber(ARGV[3 * n - 1])
  if open and window > 0 then
    used[n] = used[n] + 1
    redis.call('HSET', key, 'used', string.format('%.17g', used[n]), 'at', string.format('%.17g', now))
    redis.call('EXPIRE', key, window + ARGV[#ARGV])
  end
  used[n] = string.format('%.17g', used[n])
end
return {open and 1 or 0, unpack(used)}
"""
_TELL = """
for n, key in ipairs(KEYS) do
  if tonumber(redis.call('HGET', key, ARGV[1]) or 0) < tonumber(ARGV[n + 2]) then
    redis.call('HSET', key, ARGV[1], ARGV[n + 2])
    redis.call('EXPIRE', key, ARGV[2])
  end
end
"""


class RedisLimits:
    """A `LimitStore` that replicas share.

    Args:
        redis: a client.
        replica: names this process, like no other.
        clock: drains the buckets; without one Redis's own does, which is the same for all replicas.
    """

    def __init__(self, redis: Client, replica: str, clock: Clock | None = None) -> None:
        self._redis = redis
        self._replica = replica
        self._clock = clock

    async def take(self, limits: Sequence[Limit], *, timeout_s: float) -> Taken:
        """See `LimitStore`."""
        told: list[float | str] = ["" if self._clock is None else self._clock.now()]
        for limit in limits:
            told += [limit.window_s if limit.day is None else 0, limit.quota, limit.least]
        names = [_key(limit) for limit in limits]
        found = await call(self._redis.eval(_TAKE, len(names), *names, *map(str, told), str(SPARE_S)), timeout_s)
        return Taken(bool(found[0]), [float(used) for used in found[1:]])

    async def tell(self, totals: Mapping[Limit, float], *, timeout_s: float) -> None:
        """See `LimitStore`; a tenant at a time."""
        by_tenant: dict[str, dict[str, float]] = defaultdict(dict)
        for limit, total in totals.items():
            by_tenant[limit.tenant][_key(limit)] = total
        for budgets in by_tenant.values():
            values = [self._replica, str(DAY_S + SPARE_S), *map(str, budgets.values())]
            await call(self._redis.eval(_TELL, len(budgets), *budgets, *values), timeout_s)


def _key(limit: Limit) -> str:
    return f"{{steadyrag:limits:{limit.tenant}}}:{limit.name}"
