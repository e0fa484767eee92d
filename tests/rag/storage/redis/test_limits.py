from __future__ import annotations

import random

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from rag.access.limiter import UNAVAILABLE, Limiter
from rag.access.limits import Limit
from rag.errors import DependencyFailed
from rag.resilience.guarded import GuardedLimitStore
from rag.resilience.guards import Guards, Protections
from rag.settings import QuotaSettings
from rag.storage.redis.limits import RedisLimits
from rag.types import ANONYMOUS
from tests.contracts.limit_store import LimitStoreContract, admitted, bucket, budget, used
from tests.support.clock import FakeClock
from tests.support.redis_server import RedisServer


class TestRedisLimits(LimitStoreContract):
    @pytest.fixture
    def store(self, redis: Redis, clock: FakeClock) -> RedisLimits:
        return RedisLimits(redis, "one", clock)


async def test_two_replicas_together_keep_to_the_limit(redis: Redis, clock: FakeClock) -> None:
    replicas = [RedisLimits(redis, name, clock) for name in ("one", "other")]
    limits = bucket(40, 20), bucket(400, 20, holder="")
    rng, let_in, start_s = random.Random(11), 0, clock.now_s
    for _ in range(3_000):
        let_in += await admitted(rng.choice(replicas), *limits)
        clock.advance(rng.expovariate(5))
    most = 40 + 2 * (clock.now_s - start_s)
    assert 0.98 * most <= let_in <= most


async def test_a_clock_that_steps_back_locks_nobody_out(redis: Redis, clock: FakeClock) -> None:
    store = RedisLimits(redis, "one", clock)
    for _ in range(3):
        await admitted(store, bucket())
    clock.advance(-3_600)
    assert not await admitted(store, bucket())
    clock.advance(20)
    assert [await admitted(store, bucket()) for _ in range(2)] == [True, False]


async def test_budgets_are_the_sum_of_what_replicas_used(redis: Redis, clock: FakeClock) -> None:
    one, other = (RedisLimits(redis, name, clock) for name in ("one", "other"))
    await one.tell({budget(): 60}, timeout_s=10)
    await other.tell({budget(): 30.5}, timeout_s=10)
    assert await used(one, budget()) == await used(other, budget()) == [90.5]


async def test_without_a_clock_of_ours_redis_own_drains_the_buckets(redis: Redis) -> None:
    store = RedisLimits(redis, "one")
    slow, quick = bucket(2, 86_400), bucket(1e9, 1, holder="quick")
    assert [await admitted(store, slow) for _ in range(3)] == [True, True, False]
    assert all([await admitted(store, quick) for _ in range(3)])


async def test_all_that_one_call_touches_lies_in_one_slot_and_ends_by_itself(redis: Redis, clock: FakeClock) -> None:
    store = RedisLimits(redis, "one", clock)
    tenants = ("red", "blue")
    for tenant in tenants:
        cost = Limit(tenant, "", "cost", 1.0, day=1)
        await store.take([bucket(tenant=tenant), bucket(tenant=tenant, holder="")], timeout_s=10)
        await store.tell({budget(tenant=tenant): 5, cost: 0.25}, timeout_s=10)
    names = await redis.keys("*")
    assert len(names) == 8
    slots = {tenant: {key_slot(name) for name in names if f":{tenant}}}".encode() in name} for tenant in tenants}
    assert [len(found) for found in slots.values()] == [1, 1]
    assert slots["red"] != slots["blue"]
    assert all([await redis.ttl(name) > 0 for name in names])


@pytest.mark.parametrize("fail", ["open", "closed"])
async def test_redis_is_gone_and_comes_back(redis: Redis, server: RedisServer, clock: FakeClock, fail: str) -> None:
    guard = Guards(Protections(), clock, lambda _event: None).guard("limits", slow_s=10, concurrency=4)
    quotas = QuotaSettings.model_validate({"fail": fail, "key": {"requests": 10}})
    limiter = Limiter(quotas, clock, store=GuardedLimitStore(RedisLimits(redis, "one"), guard), timeout_s=10)
    assert (await limiter.admit(ANONYMOUS, spends=False)).degraded == ()
    server.stop()
    try:
        gone = await limiter.admit(ANONYMOUS, spends=False)
    finally:
        server.start()
    assert (gone.degraded, gone.reason) == ((("limits-unavailable",), "") if fail == "open" else ((), UNAVAILABLE))
    back = await limiter.admit(ANONYMOUS, spends=False)
    assert (back.degraded, back.reason) == ((), "")


async def test_without_redis_it_fails(redis: Redis, server: RedisServer) -> None:
    store = RedisLimits(redis, "one")
    server.stop()
    try:
        with pytest.raises(DependencyFailed):
            await admitted(store, bucket())
        with pytest.raises(DependencyFailed):
            await store.tell({budget(): 1}, timeout_s=10)
    finally:
        server.start()
