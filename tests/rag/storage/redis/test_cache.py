from __future__ import annotations

import pytest
from redis.asyncio import Redis

from rag.errors import DependencyFailed
from rag.ports import Dropped
from rag.storage.redis.cache import PAGE, STREAM_RECORDS, RedisCacheStore
from tests.contracts.cache_store import CacheStoreContract, everything, kept, write
from tests.support.clock import FakeClock
from tests.support.redis_server import RedisServer


@pytest.fixture
def store(redis: Redis, clock: FakeClock) -> RedisCacheStore:
    return RedisCacheStore(redis, "cache", clock)


class TestRedisCacheStore(CacheStoreContract):
    @pytest.fixture
    def store(self, store: RedisCacheStore) -> RedisCacheStore:
        return store


async def test_replicas_hear_of_each_other_in_order(store: RedisCacheStore, redis: Redis, clock: FakeClock) -> None:
    other = RedisCacheStore(redis, "cache", clock)
    _, position = await everything(other)
    await write(store, kept(clock, "a"), kept(clock, "b"), Dropped("a", "a-1"))
    news = await other.news(position, timeout_s=10)
    assert news is not None
    assert news.records == [kept(clock, "b"), Dropped("a", "a-1")]
    later = await other.news(news.position, timeout_s=10)
    assert later is not None
    assert (later.records, later.position) == ([], news.position)


async def test_much_news_comes_in_pages(store: RedisCacheStore, clock: FakeClock) -> None:
    _, position = await everything(store)
    await write(store, *(kept(clock, f"k{n}") for n in range(PAGE + 10)))
    first = await store.news(position, timeout_s=10)
    assert first is not None
    second = await store.news(first.position, timeout_s=10)
    assert second is not None
    assert len({record.key for record in (*first.records, *second.records)}) == PAGE + 10


async def test_caches_share_nothing(store: RedisCacheStore, redis: Redis, clock: FakeClock) -> None:
    await write(store, kept(clock, "k"))
    assert not (await everything(RedisCacheStore(redis, "another", clock)))[0]


@pytest.mark.parametrize("written", [0, 1])
async def test_a_position_that_was_flushed_away_is_not_known(
    store: RedisCacheStore, server: RedisServer, clock: FakeClock, written: int
) -> None:
    _, position = await everything(store)
    server.empty()
    for _ in range(written):
        await write(store, kept(clock, "k"))
    assert await store.news(position, timeout_s=10) is None


async def test_the_stream_is_short(store: RedisCacheStore, redis: Redis, clock: FakeClock) -> None:
    _, position = await everything(store)
    async with redis.pipeline() as pipeline:
        for _ in range(2 * STREAM_RECORDS):
            pipeline.xadd(store._stream, {"key": "k", "dropped": "k-0"})
        await pipeline.execute()
    await write(store, kept(clock, "k"))
    assert await redis.xlen(store._stream) < 1.1 * STREAM_RECORDS
    assert await store.news(position, timeout_s=10) is None


async def test_redis_lets_go_of_what_has_expired(store: RedisCacheStore, redis: Redis, clock: FakeClock) -> None:
    await write(store, kept(clock, "k", ttl_s=60))
    assert 0 < await redis.pttl(store._entry("k")) <= 60_000


async def test_without_redis_it_fails(store: RedisCacheStore, server: RedisServer, clock: FakeClock) -> None:
    server.stop()
    try:
        with pytest.raises(DependencyFailed):
            await write(store, kept(clock, "k"))
    finally:
        server.start()
