import asyncio

import pytest

from rag.errors import DependencyFailed
from rag.pipeline import replication as module
from rag.pipeline.replication import MAX_WAITING, Replication
from rag.ports import Dropped
from rag.storage.redis.cache import RedisCacheStore
from rag.storage.redis.connection import connect
from tests.contracts.cache_store import everything, kept
from tests.support.failing import Failing
from tests.support.redis_server import running


class Taker:
    """Holds names under keys, as the store tells them."""

    def __init__(self):
        self.held = {}

    async def take(self, records):
        for record in records:
            if isinstance(record, Dropped):
                self.held = {key: name for key, name in self.held.items() if name != record.name}
            else:
                self.held[record.key] = record.name

    def retain(self, names):
        self.held = {key: name for key, name in self.held.items() if name in names}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture
async def store(server, clock):
    server.empty()
    client = connect(server.url)
    yield Failing(RedisCacheStore(client, "cache", clock))
    await client.aclose()


@pytest.fixture
def replicas(store):
    return [Replication(store, Taker()) for _ in range(2)]


def put(replication, record):
    replication._taker.held[record.key] = record.name
    replication.write(record.name, lambda: record)


async def in_step(*replicas):
    for _ in range(2):
        for each in replicas:
            await each.catch_up(timeout_s=10)
    first, *others = [each._taker.held for each in replicas]
    assert all(each == first for each in others)
    return first


async def test_replicas_hold_the_same(replicas, clock):
    first, second = replicas
    put(first, kept(clock, "a"))
    put(second, kept(clock, "b"))
    assert await in_step(*replicas) == {"a": "a-1", "b": "b-1"}
    put(first, kept(clock, "k", "first"))
    put(second, kept(clock, "k", "second"))
    assert (await in_step(*replicas))["k"] == "second"
    first.write("a-1", lambda: Dropped("a", "a-1"))
    assert set(await in_step(*replicas)) == {"b", "k"}


async def test_what_could_not_be_written_is_written_later_in_order(replicas, store, clock):
    first, second = replicas
    store.fail("write", DependencyFailed("it is down"))
    for name in ("one", "two"):
        put(first, kept(clock, "k", name))
        with pytest.raises(DependencyFailed):
            await first.flush(timeout_s=10)
    store.mend()
    assert await in_step(first, second) == {"k": "two"}


async def test_what_the_store_lost_all_let_go_of_and_what_came_since_stays(replicas, server, clock):
    put(replicas[0], kept(clock, "a"))
    await in_step(*replicas)
    server.empty()
    put(replicas[1], kept(clock, "b"))
    assert await in_step(*replicas) == {"b": "b-1"}


async def test_past_the_bound_the_oldest_are_given_up_and_all_are_in_step_again(replicas, store, clock):
    first, second = replicas
    await in_step(first, second)
    store.fail("write", DependencyFailed("it is down"))
    for n in range(MAX_WAITING + 5):
        put(first, kept(clock, f"k{n}"))
    store.mend()
    held = await in_step(first, second)
    assert set(held) == {f"k{n}" for n in range(5, MAX_WAITING + 5)}


async def test_it_keeps_in_step_by_itself_through_an_error_and_writes_at_the_end(replicas, store, clock, monkeypatch):
    monkeypatch.setattr(module, "BEAT_S", 0.0)
    monkeypatch.setattr(module, "RETRY_PAUSE_S", 0.0)
    first, second = replicas
    store.fail("news", DependencyFailed("it is down"), times=3)
    for each in replicas:
        each.start()
    put(first, kept(clock, "a"))
    async with asyncio.timeout(10):
        while "a" not in second._taker.held:  # noqa: ASYNC110 - looked at, not waited for
            await asyncio.sleep(0)
    await first.aclose()
    put(second, kept(clock, "b"))
    await second.aclose()
    assert set((await everything(store))[0]) == {"a", "b"}
