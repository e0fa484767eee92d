from __future__ import annotations

import pytest
from redis.asyncio import Redis

from rag.storage.redis.followers import LEASES, POSITIONS, RedisFollowers

LONG_S = 60.0


@pytest.fixture
def followers(redis: Redis) -> RedisFollowers:
    return RedisFollowers(redis)


async def renew(followers: RedisFollowers, name: str, position: int, lease_s: float = LONG_S) -> None:
    await followers.renew(name, position, lease_s=lease_s, timeout_s=10)


async def behind(followers: RedisFollowers, position: int) -> list[str]:
    return sorted(await followers.behind(position, timeout_s=10))


async def test_who_has_not_applied_a_position_is_behind(followers: RedisFollowers) -> None:
    assert await behind(followers, 5) == []
    await renew(followers, "a", 3)
    await renew(followers, "b", 5)
    await renew(followers, "c", 6)
    assert await behind(followers, 5) == ["a"]
    await renew(followers, "a", 5)
    assert await behind(followers, 5) == []


async def test_numbers_are_compared_as_numbers(followers: RedisFollowers) -> None:
    await renew(followers, "a", 10)
    assert await behind(followers, 9) == []
    await renew(followers, "a", 9)
    assert await behind(followers, 10) == ["a"]


async def test_whose_lease_has_run_out_is_waited_for_no_more(followers: RedisFollowers, redis: Redis) -> None:
    await renew(followers, "dead", 1, lease_s=0)
    await renew(followers, "alive", 1)
    assert await behind(followers, 2) == ["alive"]
    assert await redis.hkeys(POSITIONS) == [b"alive"]


async def test_who_leaves_is_waited_for_no_more(followers: RedisFollowers, redis: Redis) -> None:
    await renew(followers, "a", 1)
    await followers.leave("a", timeout_s=10)
    assert await behind(followers, 2) == []
    assert await redis.exists(LEASES, POSITIONS) == 0
