from __future__ import annotations

import os
import signal
import time

import pytest
import redis.exceptions
from redis.asyncio import Redis

from rag.errors import ConfigError, DependencyFailed, DependencyTimeout, SteadyragError, StorageFull
from rag.storage.redis.connection import call, connect, map_error
from tests.support.redis_server import RedisServer


def subclasses(kind: type[Exception]) -> set[type[Exception]]:
    return {kind, *(each for sub in kind.__subclasses__() for each in subclasses(sub))}


@pytest.mark.parametrize("kind", sorted(subclasses(redis.exceptions.RedisError), key=lambda kind: kind.__name__))
def test_every_error_of_the_library_becomes_ours(kind: type[redis.exceptions.RedisError]) -> None:
    made = kind.__new__(kind)
    made.args = ("told",)
    assert isinstance(map_error(made), SteadyragError)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (redis.exceptions.TimeoutError("x"), DependencyTimeout),
        (redis.exceptions.OutOfMemoryError("x"), StorageFull),
        (redis.exceptions.ConnectionError("x"), DependencyFailed),
        (OSError("x"), DependencyFailed),
    ],
)
def test_what_an_error_becomes(error: redis.exceptions.RedisError, expected: type[SteadyragError]) -> None:
    assert type(map_error(error)) is expected


def test_a_wrong_password_is_not_taken_for_a_server_that_is_gone() -> None:
    assert "WRONGPASS" in map_error(redis.exceptions.AuthenticationError("WRONGPASS invalid")).message


def test_what_is_no_url() -> None:
    with pytest.raises(ConfigError, match="no Redis URL"):
        connect("http://localhost")


async def test_nobody_there_is_known_at_once() -> None:
    client = connect("redis://127.0.0.1:1")
    start = time.monotonic()
    with pytest.raises(DependencyFailed, match="cannot be reached"):
        await call(client.ping(), 10)
    assert time.monotonic() - start < 1
    await client.aclose()


async def test_a_stalled_server_costs_no_more_than_the_call_may(server: RedisServer, redis: Redis) -> None:
    await call(redis.ping(), 10)
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(DependencyTimeout, match=r"longer than 0\.05 s"):
            await call(redis.ping(), 0.05)
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert await call(redis.ping(), 10)
