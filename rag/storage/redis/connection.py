"""A Redis that fails fast, its errors ours.

redis-py's own defaults wait 5 s and try ten times, so that a dead server costs seconds and a stalled one half a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, OutOfMemoryError, ReadOnlyError, RedisClusterException, RedisError
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as TooLate

from rag.errors import ConfigError, DependencyFailed, DependencyTimeout, SteadyragError, StorageFull
from rag.tasks import Patience

T = TypeVar("T")

#: What connecting, sending and receiving may take each, seconds: ends what a lost cancellation left behind. Whoever
#: asks has a limit of his own; a shorter one here would fail a process that is busy with itself, as at its start.
SOCKET_TIMEOUT_S = 10.0


def connect(url: str) -> Redis:
    """A client of the server at `url`; connects when it is first used.

    Args:
        url: `redis://host:6379/0`.

    Raises:
        ConfigError: it is no Redis URL.
    """
    try:
        return Redis.from_url(
            url,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise ConfigError(f"{url!r} is no Redis URL: {error}") from error


def map_error(error: RedisError | RedisClusterException | OSError) -> SteadyragError:
    """Redis's error as ours: the one table at this border."""
    if isinstance(error, TooLate):
        return DependencyTimeout("Redis did not answer in time")
    if isinstance(error, OutOfMemoryError):
        return StorageFull("Redis has no memory left; nothing of this write was stored")
    if isinstance(error, ReadOnlyError):
        return DependencyFailed("Redis is a replica that takes no writes; name the primary")
    if isinstance(error, AuthenticationError):  # a ConnectionError to redis-py
        return DependencyFailed(f"Redis wants another user or password: {error}")
    if isinstance(error, NoConnection | OSError):
        return DependencyFailed("Redis cannot be reached")
    return DependencyFailed(f"Redis refused: {error}")


async def call(command: Awaitable[Any], timeout_s: float) -> Any:
    """Await a command for at most `timeout_s`; whether one that came too late was carried out is not known.

    Raises:
        DependencyTimeout: it took longer.
        DependencyFailed: Redis failed.
    """
    if timeout_s <= 0:
        if asyncio.iscoroutine(command):
            command.close()
        raise DependencyTimeout("no time was left to ask Redis")
    asked = asyncio.ensure_future(command)  # redis-py loses cancellations, so nobody waits for it to be cancelled
    try:
        async with Patience(timeout_s):
            await asyncio.wait({asked})
        return asked.result()
    except TimeoutError:
        raise DependencyTimeout(f"Redis took longer than {timeout_s:.2f} s") from None
    except (RedisError, RedisClusterException, OSError) as error:
        raise map_error(error) from error
    finally:
        asked.add_done_callback(_forget)
        asked.cancel()


def _forget(asked: asyncio.Future[Any]) -> None:
    """Nobody is interested in what came of it."""
    if not asked.cancelled():
        asked.exception()
