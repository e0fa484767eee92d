from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from rag.errors import ConfigError
from rag.storage.database import Database
from rag.storage.documents import SqliteDocumentLog
from rag.storage.jobs import JobState
from rag.storage.redis.join import join
from tests.contracts.document_log import append, read
from tests.contracts.job_store import add, taken, update
from tests.support.changes import change
from tests.support.clock import FakeClock
from tests.support.redis_server import RedisServer

LIMITS = {"max_jobs": 10, "max_bytes": 1 << 20}


def catalog(folder: Path, stack: AsyncExitStack) -> SqliteDocumentLog:
    folder.mkdir(exist_ok=True)
    database = Database(folder / "catalog.db")
    stack.push_async_callback(database.aclose)
    return SqliteDocumentLog(database, FakeClock())


async def test_two_folders_share_log_and_jobs_and_keep_their_names(server: RedisServer, tmp_path: Path) -> None:
    names = []
    for _ in range(2):
        async with AsyncExitStack() as stack:
            made = [
                join(server.url, folder, catalog(folder, stack), FakeClock(), stack, **LIMITS)
                for folder in (tmp_path / "a", tmp_path / "b")
            ]
            (first, jobs, _), (second, others, _) = made
            for replica, *_ in made:
                await replica.catch_up()
            await append(first, change("x", str(len(names))))
            await second.beat()
            assert await read(first) == await read(second)
            names.append([replica._name for replica, *_ in made])
            job = await add(jobs)
            assert await taken(others) == job
            await update(others, job, JobState.DONE, 2)
    assert names[0] == names[1]
    assert len(set(names[0])) == 2


async def test_what_is_no_redis_url_is_refused(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        with pytest.raises(ConfigError):
            join("http://localhost", tmp_path, catalog(tmp_path, stack), FakeClock(), stack, **LIMITS)
