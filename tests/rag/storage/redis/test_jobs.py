from __future__ import annotations

import pytest
from redis.asyncio import Redis

from rag.errors import DependencyFailed
from rag.storage.jobs import JobState
from rag.storage.redis import jobs as jobs_module
from rag.storage.redis.jobs import BYTES, STREAM, RedisJobStore
from tests.contracts.job_store import DOCUMENTS, JobStoreContract, MakeJobs, add, taken, update
from tests.support.clock import FakeClock


class TestRedisJobStore(JobStoreContract):
    @pytest.fixture
    def make_jobs(self, redis: Redis, clock: FakeClock) -> MakeJobs:
        return lambda **limits: RedisJobStore(redis, "a", clock, **limits)


@pytest.fixture
def first(redis: Redis, clock: FakeClock) -> RedisJobStore:
    return RedisJobStore(redis, "first", clock)


@pytest.fixture
def second(redis: Redis, clock: FakeClock) -> RedisJobStore:
    return RedisJobStore(redis, "second", clock)


async def test_a_job_of_a_replica_that_does_not_count_unchanged_documents(first: RedisJobStore, redis: Redis) -> None:
    job = await add(first)
    await redis.hdel(f"{{steadyrag}}:job:{job.id}", "unchanged")
    assert await first.get("default", job.id, timeout_s=10) == job
    assert await taken(first) == job


async def test_one_job_runs_at_a_time_whoever_asks(first: RedisJobStore, second: RedisJobStore) -> None:
    job, later = await add(first), await add(second)
    assert await taken(first) == job
    assert await second.next(timeout_s=10) is None
    assert await second.get("default", job.id, timeout_s=10) == job
    await update(first, job, JobState.DONE, 2)
    assert await taken(second) == later
    assert await first.next(timeout_s=10) is None


async def test_a_worker_that_starts_again_gets_its_job_back(
    first: RedisJobStore, redis: Redis, clock: FakeClock
) -> None:
    job = await add(first)
    await taken(first)
    assert await RedisJobStore(redis, "first", clock).next(timeout_s=10) == (job, DOCUMENTS)


async def test_the_job_of_a_silent_worker_is_taken_over(
    first: RedisJobStore, second: RedisJobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await add(first)
    await taken(first)
    monkeypatch.setattr(jobs_module, "CLAIM_IDLE_S", 0)
    assert await taken(second) == job
    for state in (JobState.RUNNING, JobState.DONE):
        with pytest.raises(DependencyFailed, match="taken over"):
            await update(first, job, state, 1)
    await update(second, job, JobState.DONE, 2)
    assert await first.next(timeout_s=10) is None


async def test_a_finished_job_gives_up_its_documents(first: RedisJobStore, redis: Redis) -> None:
    job = await add(first)
    await taken(first)
    await update(first, job, JobState.DONE, 2)
    assert await redis.xlen(STREAM) == 0
    assert await redis.get(BYTES) == b"0"
    key = f"{{steadyrag}}:job:{job.id}"
    assert await redis.hexists(key, "body") == 0
    assert 0 < await redis.ttl(key) <= jobs_module.KEPT_S
    with pytest.raises(DependencyFailed):
        await update(first, job, JobState.RUNNING, 1)
