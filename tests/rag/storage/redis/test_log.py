from __future__ import annotations

from pathlib import Path

import pytest
from redis.asyncio import Redis

from rag.errors import ConfigError, DependencyFailed
from rag.storage.redis.connection import connect
from rag.storage.redis.log import FORMAT, FORMAT_KEY, STREAM, RedisDocumentLog
from tests.contracts.document_log import DocumentLogContract, append, names, read
from tests.support.changes import change
from tests.support.clock import FakeClock
from tests.support.redis_server import running


@pytest.fixture
def log(redis: Redis, clock: FakeClock) -> RedisDocumentLog:
    return RedisDocumentLog(redis, clock)


class TestRedisDocumentLog(DocumentLogContract):
    @pytest.fixture
    def log(self, log: RedisDocumentLog) -> RedisDocumentLog:
        return log


async def test_another_process_reads_what_was_written(log: RedisDocumentLog, redis: Redis, clock: FakeClock) -> None:
    written = await append(log, change("a", "one"), change("b", "two"))
    other = RedisDocumentLog(redis, clock)
    await other.refresh(timeout_s=10)
    assert other.position == log.position
    assert await read(other) == written
    third = await append(other, change("a", "three"))
    assert third[0].seq == written[-1].seq + 1
    assert names(await read(log)) == ["b", "a"]
    assert log.position < third[0].seq
    await log.refresh(timeout_s=10)
    assert log.position == third[0].seq


async def test_the_time_of_a_write_is_kept(log: RedisDocumentLog, clock: FakeClock) -> None:
    await append(log, change("a", "one"))
    assert (await read(log))[0].at == clock.now_s


async def test_the_stream_is_compacted(log: RedisDocumentLog, redis: Redis) -> None:
    for n in range(20):
        await append(log, change("a", str(n)), change("b", str(n)))
    assert await redis.xlen(STREAM) == 2


async def test_a_server_that_is_gone_is_a_failed_dependency(tmp_path: Path, clock: FakeClock) -> None:
    with running(tmp_path) as server:
        client = connect(server.url)
        log = RedisDocumentLog(client, clock)
        await append(log, change("a", "text"))
        server.stop()
        for work in (
            log.append([change("b", "x")], timeout_s=5),
            log.read(0, 1, timeout_s=5),
            log.refresh(timeout_s=5),
        ):
            with pytest.raises(DependencyFailed):
                await work
        server.start()
        assert await read(log) == []
        await client.aclose()


async def test_what_is_there_in_another_format_is_refused(log: RedisDocumentLog, redis: Redis) -> None:
    for _ in range(2):
        await log.check_format(timeout_s=10)
    await redis.set(FORMAT_KEY, FORMAT + 1)
    with pytest.raises(ConfigError, match=f"format {FORMAT + 1}, this version reads {FORMAT}"):
        await log.check_format(timeout_s=10)
