from __future__ import annotations

from contextlib import AsyncExitStack

from rag.storage.redis.cache_join import join_cache
from tests.contracts.cache_store import everything, kept, write
from tests.support.clock import FakeClock
from tests.support.redis_server import RedisServer


async def test_replicas_of_one_cache_meet(server: RedisServer, clock: FakeClock) -> None:
    async with AsyncExitStack() as stack:
        (store, leases), (other, others) = (join_cache(server.url, "cache", clock, stack) for _ in range(2))
        await write(store, kept(clock, "k"))
        assert set((await everything(other))[0]) == {"k"}
        assert await leases.take("n", "a", lease_s=60, timeout_s=10)
        assert not await others.take("n", "b", lease_s=60, timeout_s=10)
