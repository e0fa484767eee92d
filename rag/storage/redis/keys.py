"""API keys in Redis, shared by replicas."""

from __future__ import annotations

from typing import Any

import orjson
from redis.asyncio import Redis

from rag.access.keys import Key
from rag.storage.redis.connection import call
from rag.types import Role

NAME = "steadyrag:keys"


class RedisKeyStore:
    """A `rag.access.access.KeyStore`: one hash, a field for each key."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def keys(self, *, timeout_s: float) -> list[Key]:
        """See `KeyStore`."""
        found = await call(self._redis.hgetall(NAME), timeout_s)
        return [_unpacked(key.decode(), orjson.loads(body)) for key, body in found.items()]

    async def put(self, key: Key, *, timeout_s: float) -> None:
        """See `KeyStore`."""
        await call(self._redis.hset(NAME, key.id, _packed(key)), timeout_s)


def _packed(key: Key) -> bytes:
    fields = {name: getattr(key, name) for name in ("tenant", "name", "created", "expires")}
    return orjson.dumps(fields | {"roles": sorted(key.roles), "digest": key.digest.hex()})


def _unpacked(key_id: str, fields: dict[str, Any]) -> Key:
    roles, digest = frozenset(map(Role, fields.pop("roles"))), bytes.fromhex(fields.pop("digest"))
    return Key(id=key_id, roles=roles, digest=digest, **fields)
