"""A process joins the replicas that share a log: everything of theirs that is in Redis, made from a URL."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

from rag.storage.documents import SqliteDocumentLog
from rag.storage.redis.connection import connect
from rag.storage.redis.followers import RedisFollowers
from rag.storage.redis.jobs import RedisJobStore
from rag.storage.redis.keys import RedisKeyStore
from rag.storage.redis.log import RedisDocumentLog
from rag.storage.redis.replica import Replica, replica_name
from rag.types import Clock


def join(
    url: str,
    folder: Path,
    catalog: SqliteDocumentLog,
    clock: Clock,
    stack: AsyncExitStack,
    *,
    max_jobs: int,
    max_bytes: int,
) -> tuple[Replica, RedisJobStore, RedisKeyStore]:
    """This replica's log, the shared queue and the shared keys; closed with the stack.

    Raises:
        ConfigError: `url` is no Redis URL.
    """
    redis = connect(url)
    stack.push_async_callback(redis.aclose)
    name = replica_name(folder)
    replica = Replica(name, RedisDocumentLog(redis, clock), catalog, RedisFollowers(redis), clock)
    stack.push_async_callback(replica.aclose)
    jobs = RedisJobStore(redis, name, clock, max_jobs=max_jobs, max_bytes=max_bytes)
    return replica, jobs, RedisKeyStore(redis)
