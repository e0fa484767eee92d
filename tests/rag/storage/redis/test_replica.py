from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from rag.errors import ConfigError, DataFolderCorrupt, DependencyFailed
from rag.ingestion.following import LEASE_S, LogFollower
from rag.storage.database import Database
from rag.storage.documents import SqliteDocumentLog, SqlitePassageStore
from rag.storage.redis.followers import LEASES, RedisFollowers
from rag.storage.redis.log import FORMAT_KEY, RedisDocumentLog
from rag.storage.redis.replica import Replica
from tests.contracts.document_log import DocumentLogContract, append, names, read
from tests.contracts.passage_store import PassageStoreContract
from tests.support.changes import SPACE, change
from tests.support.clock import FakeClock
from tests.support.redis_server import RedisServer

Make = Callable[[str], Awaitable[Replica]]


@pytest.fixture
async def make(redis: Redis, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Make]:
    """A replica with a catalog of its own, which nobody makes beat."""
    async with AsyncExitStack() as stack:

        async def make(name: str) -> Replica:
            database = Database(tmp_path / f"{name}.db")
            stack.push_async_callback(database.aclose)
            shared = RedisDocumentLog(redis, clock)
            replica = Replica(name, shared, SqliteDocumentLog(database, clock), RedisFollowers(redis), clock)
            await replica.catch_up()
            return replica

        yield make


class TestReplica(DocumentLogContract):
    @pytest.fixture
    async def log(self, make: Make) -> Replica:
        return await make("a")


class TestCatalogOfAReplica(PassageStoreContract):
    @pytest.fixture
    async def log(self, make: Make) -> Replica:
        return await make("a")

    @pytest.fixture
    def store(self, log: Replica) -> SqlitePassageStore:
        return SqlitePassageStore(log._catalog._database)


async def waits(task: asyncio.Task[None], redis: Redis) -> bool:
    """Whether the task still waits after it had time enough to look."""
    for _ in range(50):
        await redis.ping()
    return not task.done()


async def test_what_one_writes_the_others_hold_under_the_same_number(make: Make) -> None:
    first, second = await make("a"), await make("b")
    written = await append(first, change("x", "one"), change("y", "two"))
    await second.beat()
    written += await append(second, change("x", "three"))
    await first.beat()
    assert await read(first) == await read(second) == written[1:]
    assert first.position_of(SPACE) == second.position_of(SPACE) == written[-1].seq


async def test_a_write_is_done_when_every_replica_with_a_lease_has_applied_it(make: Make, redis: Redis) -> None:
    first, second = await make("a"), await make("b")
    await append(first, change("x", "one"))
    done = asyncio.create_task(first.applied(first.position))
    assert await waits(done, redis)
    await second.beat()
    await asyncio.wait_for(done, 10)


async def test_a_replica_without_a_lease_has_heard_all_that_was_done_without_it_when_it_gets_one(
    make: Make, redis: Redis, clock: FakeClock
) -> None:
    first, second = await make("a"), await make("b")
    await redis.zrem(LEASES, "b")
    clock.advance(LEASE_S)
    renew = second._followers.renew

    async def late(*args: Any, **options: Any) -> bool:
        """Another replica's write is done after this one has listened, before its lease."""
        await first.beat()
        await append(first, change("x", "one"))
        await asyncio.wait_for(first.applied(first.position), 10)
        return await renew(*args, **options)

    second._followers.renew = late  # type: ignore[method-assign]
    await second.beat()
    assert second.current
    assert second.position_of(SPACE) == first.position


async def test_a_replica_that_has_died_delays_a_write_by_its_lease_and_no_more(make: Make) -> None:
    first, _ = await make("a"), await make("b")
    await append(first, change("x", "one"))
    await asyncio.wait_for(first.applied(first.position), 5 * LEASE_S)


async def test_a_replica_that_leaves_delays_nothing_and_answers_nothing(make: Make) -> None:
    first, second = await make("a"), await make("b")
    second.start()
    await second.aclose()
    assert not second.current
    await append(first, change("x", "one"))
    async with asyncio.timeout(LEASE_S / 2):
        await first.applied(first.position)


async def test_without_a_lease_a_replica_does_not_answer(make: Make, clock: FakeClock) -> None:
    replica = await make("a")
    await append(replica, change("x", "one"))
    clock.advance(LEASE_S)
    assert not replica.current
    with pytest.raises(DependencyFailed, match="cannot hear the document log"):
        replica.position_of(SPACE)
    await replica.beat()
    assert replica.position_of(SPACE) == replica.position


async def test_a_stalled_redis_takes_the_lease_and_gives_it_back(
    make: Make, clock: FakeClock, server: RedisServer
) -> None:
    replica = await make("a")
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(DependencyFailed):
            await replica.beat()
        clock.advance(LEASE_S)
        assert not replica.current
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    await replica.beat()
    assert replica.current


async def test_a_replica_stands_where_its_index_stands_that_follows_the_catalog(
    make: Make, redis: Redis, clock: FakeClock
) -> None:
    first, second = await make("a"), await make("b")
    index = LogFollower("an index", _Positioned(), second, clock)
    second.lead(index)
    await append(first, change("x", "one"))
    await second._hear(1)
    assert (second.position, second._position()) == (1, 0)
    done = asyncio.create_task(first.applied(first.position))
    assert await waits(done, redis)
    await index.catch_up()
    await second.beat()
    await asyncio.wait_for(done, 10)
    await index.aclose()


class _Positioned:
    position = 0

    async def apply(self, changes: list[object], *, timeout_s: float) -> None:
        self.position = changes[-1].seq  # type: ignore[attr-defined]


async def test_it_beats_by_itself(make: Make) -> None:
    first, second = await make("a"), await make("b")
    second.start()
    await append(first, change("x", "one"))
    await asyncio.wait_for(first.applied(first.position), 10)
    assert names(await read(second)) == ["x"]
    await second.aclose()


async def test_a_log_that_has_forgotten_is_refused(make: Make, server: RedisServer) -> None:
    replica = await make("a")
    await append(replica, change("x", "one"), change("y", "two"))
    server.empty()
    with pytest.raises(DataFolderCorrupt, match="ends at 0, this data folder knows of 2"):
        await replica.beat()
    with pytest.raises(DataFolderCorrupt):
        await append(replica, change("z", "three"))


async def test_a_replica_does_not_join_those_of_another_format(redis: Redis, make: Make) -> None:
    await redis.set(FORMAT_KEY, "99")
    with pytest.raises(ConfigError, match="format 99"):
        await make("a")
