from __future__ import annotations

import pytest
from redis.asyncio import Redis

from rag.errors import DependencyFailed
from rag.storage.redis.keys import RedisKeyStore
from tests.contracts.key_store import KeyStoreContract
from tests.support.redis_server import RedisServer


class TestRedisKeyStore(KeyStoreContract):
    @pytest.fixture
    def store(self, redis: Redis) -> RedisKeyStore:
        return RedisKeyStore(redis)


async def test_without_redis_it_fails(redis: Redis, server: RedisServer) -> None:
    server.stop()
    try:
        with pytest.raises(DependencyFailed):
            await RedisKeyStore(redis).keys(timeout_s=10)
    finally:
        server.start()
