from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis, RedisCluster

from rag.errors import ConfigError, DependencyFailed
from rag.ports import CacheNews
from rag.storage.redis.cache import RedisCacheStore
from rag.storage.redis.cache_connection import connect_cache
from rag.storage.redis.cache_leases import RedisLeases
from tests.contracts.cache_store import CacheStoreContract, everything, kept, write
from tests.support import redis_cluster
from tests.support.clock import FakeClock

#: A node counts as failing after half a second; then its replica is elected.
FAILOVER_S = 20.0


def test_the_url_says_what_it_is() -> None:
    assert isinstance(connect_cache("redis://127.0.0.1:1"), Redis)
    assert isinstance(connect_cache("redis+cluster://127.0.0.1:1"), RedisCluster)


@pytest.mark.parametrize("url", ["http://localhost", "http+cluster://localhost"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ConfigError, match="no Redis URL"):
        connect_cache(url)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_cluster.RedisCluster]:
    with redis_cluster.cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
async def client(cluster: redis_cluster.RedisCluster) -> AsyncIterator[RedisCluster]:
    found = connect_cache(cluster.url)
    assert isinstance(found, RedisCluster)
    yield found
    await found.aclose()


class TestCacheInACluster(CacheStoreContract):
    @pytest.fixture
    def store(self, cluster: redis_cluster.RedisCluster, client: RedisCluster, clock: FakeClock) -> RedisCacheStore:
        cluster.empty()
        return RedisCacheStore(client, "cache", clock)


async def test_turns_are_taken_in_a_cluster(client: RedisCluster) -> None:
    leases = RedisLeases(client, "cache")
    taken = [await leases.take("n", holder, lease_s=60, timeout_s=10) for holder in "ab"]
    await leases.release("n", "a", timeout_s=10)
    assert taken == [True, False]
    assert await leases.take("n", "b", lease_s=60, timeout_s=10)


async def test_another_node_takes_over_and_nothing_is_lost(
    cluster: redis_cluster.RedisCluster, client: RedisCluster, clock: FakeClock
) -> None:
    store = RedisCacheStore(client, "moved", clock)
    await write(store, kept(clock, "before"))
    _, position = await everything(store)
    with redis_cluster.client(cluster.primary_of(store._stream)) as primary:
        primary.set(f"{store._prefix}:last", 1)
        assert primary.wait(1, 5_000) == 1  # its replica has that, and what was written before
    cluster.primary_of(store._stream).process.kill()
    async with asyncio.timeout(FAILOVER_S):
        while (news := await _news(store, position)) is None:
            pass
    assert (news.records, news.position) == ([], position)
    await write(store, kept(clock, "after"))
    assert set((await everything(store))[0]) == {"before", "after"}


async def _news(store: RedisCacheStore, position: str) -> CacheNews | None:
    """The news; None while nobody answers for the node that is gone."""
    try:
        return await store.news(position, timeout_s=2)
    except DependencyFailed:
        return None
