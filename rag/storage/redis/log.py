"""The document log as a Redis Stream.

An entry's id is its sequence number (`17-0`), and a document's earlier entry is removed when a later one is added, so
that the stream is compacted as the port wants it. One script does both, and numbers the entries: appends are atomic.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from redis.asyncio import Redis

from rag.errors import ConfigError
from rag.storage.redis.connection import call
from rag.types import Change, Clock, Passage, Space

#: One hash tag, so that a cluster keeps all of it on one node.
STREAM, ENTRIES, LAST = ("{steadyrag}:log" + part for part in ("", ":entries", ":last"))
#: What all of steadyrag is written in here: log, followers, jobs and keys. Raised when one of them changes.
FORMAT, FORMAT_KEY = 1, "{steadyrag}:format"
_APPEND = """
local last = redis.call('INCRBY', KEYS[3], (#ARGV - 1) / 2)
local seq = last - (#ARGV - 1) / 2
for i = 2, #ARGV, 2 do
  seq = seq + 1
  local id = string.format('%.0f-0', seq)
  local old = redis.call('HGET', KEYS[2], ARGV[i])
  if old then redis.call('XDEL', KEYS[1], old) end
  redis.call('XADD', KEYS[1], id, 'at', ARGV[1], 'change', ARGV[i + 1])
  redis.call('HSET', KEYS[2], ARGV[i], id)
end
return last
"""


class RedisDocumentLog:
    """A `DocumentLog` that processes share.

    Attributes:
        position: what this process knows of; `refresh` asks.
    """

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock
        self._append = redis.register_script(_APPEND)
        self.position = 0

    async def check_format(self, *, timeout_s: float) -> None:
        """See that what is there is in our format; the first to come writes it down.

        Raises:
            ConfigError: it is in another.
        """
        await call(self._redis.set(FORMAT_KEY, FORMAT, nx=True), timeout_s)
        found = (await call(self._redis.get(FORMAT_KEY), timeout_s) or b"").decode()
        if found != str(FORMAT):
            raise ConfigError(
                f"the log in Redis has format {found or 'none'}, this version reads {FORMAT}; run replicas of one "
                "version, or name another database in STEADYRAG_LOG__URL and ingest again: steadyrag ingest PATH"
            )

    async def append(self, changes: Sequence[Change], *, timeout_s: float) -> list[Change]:
        """See `rag.ports.DocumentLog`. Whether a write that came too late was stored is known by reading."""
        if not changes:
            return []
        at = self._clock.now()
        arguments = [str(at), *(text for change in changes for text in (_key(change), _packed(change)))]
        last = int(await call(self._append(keys=[STREAM, ENTRIES, LAST], args=arguments), timeout_s))
        self.position = max(last, self.position)
        return [replace(change, seq=last - len(changes) + n, at=at) for n, change in enumerate(changes, start=1)]

    async def read(self, after: int, limit: int, *, timeout_s: float) -> list[Change]:
        """See `rag.ports.DocumentLog`."""
        entries = await call(self._redis.xrange(STREAM, f"{after + 1}-0", "+", count=limit), timeout_s)
        return [_change(int(entry.split(b"-")[0]), fields) for entry, fields in entries]

    async def refresh(self, *, timeout_s: float) -> int:
        """Learn how far others have written; gives back what Redis says."""
        last = int(await call(self._redis.get(LAST), timeout_s) or 0)
        self.position = max(last, self.position)
        return last


def _key(change: Change) -> str:
    return f"{change.space}/{change.document_id}"


def _packed(change: Change) -> str:
    return json.dumps(asdict(change))


def _change(seq: int, fields: dict[bytes, bytes]) -> Change:
    told: dict[str, Any] = json.loads(fields[b"change"])
    passages = tuple(Passage(**each) for each in told.pop("passages"))
    given = told | {"space": Space(**told["space"]), "passages": passages, "seq": seq, "at": float(fields[b"at"])}
    return Change(**given)
