"""The answers of all replicas in Redis: each under its question with a time to live, and a stream of what was stored.

The stream is short: who was away for longer reads everything anew, by the index of what there is. All keys of one
cache share a hash tag, so that a Cluster keeps them on one node and a script may change them together.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any
from uuid import uuid4

from rag.ports import CacheNews, Dropped, Kept
from rag.storage.redis.cache_connection import Client
from rag.storage.redis.connection import call
from rag.types import Clock

#: Records that the stream keeps, about: as many as a replica may be behind.
STREAM_RECORDS = 10_000
#: Records read at once.
PAGE = 200
_PUT = """
redis.call('HSET', KEYS[3], 'name', ARGV[2], 'body', ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[6])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[1])
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[7], '*', 'key', ARGV[1])
"""
_DROP = """
if redis.call('HGET', KEYS[3], 'name') == ARGV[2] then
  redis.call('DEL', KEYS[3])
  redis.call('ZREM', KEYS[2], ARGV[1])
end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'key', ARGV[1], 'dropped', ARGV[2])
"""
#: The epoch and the last record. Ids are times, so that a stream begun anew after a flush may have the same ones: the
#: epoch tells. An empty stream gets a first record, a position from which can be asked on.
_BEGIN = """
redis.call('SET', KEYS[2], ARGV[1], 'NX')
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local id = last[1] and last[1][1] or redis.call('XADD', KEYS[1], '*', 'begin', '1')
return {redis.call('GET', KEYS[2]), id}
"""
_READ = """
local found = {}
for place, key in ipairs(KEYS) do found[place] = redis.call('HMGET', key, 'name', 'body') end
return found
"""


class RedisCacheStore:
    """A `CacheStore` that replicas share.

    Args:
        redis: a client.
        cache: which cache: replicas with the same documents, models and embedder share one.
        clock: tells what has expired.
    """

    def __init__(self, redis: Client, cache: str, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock
        self._prefix = f"{{steadyrag:cache:{cache}}}"
        self._stream, self._index, self._epoch = (f"{self._prefix}:{name}" for name in ("log", "index", "epoch"))

    async def write(self, records: Sequence[Kept | Dropped], *, timeout_s: float) -> None:
        """See `rag.ports.CacheStore`; a record at a time, each whole or not at all."""
        now = self._clock.now()
        for record in records:
            if isinstance(record, Dropped):
                await self._eval(_DROP, record.key, [record.key, record.name, STREAM_RECORDS], timeout_s)
            elif (left_s := record.expires_at - now) > 0:
                told = [record.key, record.name, record.body, round(left_s * 1000) or 1]
                await self._eval(_PUT, record.key, [*told, record.expires_at, now, STREAM_RECORDS], timeout_s)

    async def everything(self, *, timeout_s: float) -> AsyncGenerator[CacheNews, None]:
        """See `rag.ports.CacheStore`."""
        begun = await call(self._redis.eval(_BEGIN, 2, self._stream, self._epoch, uuid4().hex), timeout_s)
        position = b"/".join(begun).decode()
        keys = await call(self._redis.zrange(self._index, 0, -1), timeout_s)
        for start in range(0, len(keys), PAGE):
            kept = await self._kept([key.decode() for key in keys[start : start + PAGE]], timeout_s)
            yield CacheNews(list(kept.values()), position)
        yield CacheNews((), position)

    async def news(self, after: str, *, timeout_s: float) -> CacheNews | None:
        """See `rag.ports.CacheStore`."""
        epoch, _, last = after.partition("/")
        found = await call(self._redis.xrange(self._stream, last, "+", count=PAGE + 1), timeout_s)
        now = await call(self._redis.get(self._epoch), timeout_s)  # asked last, since a flush may come in between
        if not found or found[0][0].decode() != last or (now or b"").decode() != epoch:
            return None
        told = [(fields[b"key"].decode(), fields.get(b"dropped")) for _, fields in found[1:]]
        kept = await self._kept(sorted({key for key, dropped in told if dropped is None}), timeout_s)
        records: list[Kept | Dropped] = []
        for key, dropped in told:
            if dropped is not None:
                records.append(Dropped(key, dropped.decode()))
            elif key in kept:
                records.append(kept[key])
        return CacheNews(records, f"{epoch}/{found[-1][0].decode()}")

    async def _kept(self, keys: Sequence[str], timeout_s: float) -> dict[str, Kept]:
        """The answers under the keys that are there at this moment."""
        if not keys:
            return {}
        names = [self._entry(key) for key in keys]
        found = await call(self._redis.eval(_READ, len(names), *names), timeout_s)
        expiries = await call(self._redis.zmscore(self._index, list(keys)), timeout_s)
        return {
            key: Kept(key, name.decode(), expires_at, body)
            for key, (name, body), expires_at in zip(keys, found, expiries, strict=True)
            if body is not None and expires_at is not None
        }

    async def _eval(self, script: str, key: str, arguments: Sequence[Any], timeout_s: float) -> None:
        names = (self._stream, self._index, self._entry(key))
        await call(self._redis.eval(script, len(names), *names, *arguments), timeout_s)

    def _entry(self, key: str) -> str:
        return f"{self._prefix}:{key}"
