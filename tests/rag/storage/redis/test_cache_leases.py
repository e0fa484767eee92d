from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from rag.storage.redis.cache_leases import RedisLeases


@pytest.fixture
def leases(redis: Redis) -> RedisLeases:
    return RedisLeases(redis, "cache")


async def take(leases: RedisLeases, holder: str, name: str = "n", lease_s: float = 60) -> bool:
    return await leases.take(name, holder, lease_s=lease_s, timeout_s=10)


async def test_one_holds_it_and_may_take_it_again(leases: RedisLeases) -> None:
    taken = await asyncio.gather(*(take(leases, holder) for holder in "abc"))
    assert sum(taken) == 1
    assert await take(leases, "abc"[taken.index(True)])
    assert await take(leases, "b", name="another")


async def test_only_its_holder_gives_it_back(leases: RedisLeases) -> None:
    assert await take(leases, "a")
    await leases.release("n", "b", timeout_s=10)
    assert not await take(leases, "b")
    await leases.release("n", "a", timeout_s=10)
    assert await take(leases, "b")


async def test_it_runs_out_unless_it_is_renewed(leases: RedisLeases, redis: Redis) -> None:
    assert await take(leases, "a", lease_s=0.001)
    while await redis.exists(leases._key("n")):
        pass
    assert await take(leases, "b", lease_s=1)
    assert await take(leases, "b", lease_s=100)
    assert await redis.pttl(leases._key("n")) > 1_000
