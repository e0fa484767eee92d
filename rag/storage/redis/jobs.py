"""The job queue as a Redis Stream with one consumer group, the replicas' workers.

Jobs run one at a time over all replicas, in the order in which they came, so that of two jobs with the same document
the later one wins. A job stays pending with its worker until it is finished; a worker that starts again gets its own
back at once, and any other may claim it when nothing was heard of it for `CLAIM_IDLE_S`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from rag.errors import DependencyFailed, Overloaded
from rag.storage.jobs import FULL_RETRY_S, Failure, Job, JobState, new_job, packed, unpacked
from rag.storage.redis.connection import call
from rag.types import Clock, Document, Space

STREAM, BYTES, GROUP = "{steadyrag}:jobs", "{steadyrag}:jobs:bytes", "workers"
#: A job's fields, in the order in which `_job` takes them.
_NAMES = ("tenant", "collection", "state", "total", "done", "created", "updated", "failures", "unchanged")
#: Longer than a worker may be silent between two batches.
CLAIM_IDLE_S = 300.0
#: How long a finished job can be asked about.
KEPT_S = 7 * 86_400
_ADD = """
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
local stored = tonumber(redis.call('GET', KEYS[2]) or 0)
if stored > 0 and stored + #ARGV[4] > tonumber(ARGV[2]) then return 0 end
local entry = redis.call('XADD', KEYS[1], '*', 'job', ARGV[3])
redis.call('HSET', KEYS[3], 'entry', entry, 'body', ARGV[4], unpack(ARGV, 5))
redis.call('INCRBY', KEYS[2], #ARGV[4])
return 1
"""
#: One's own unfinished job; else one that nobody was heard of for long; else, if nobody is at work, the next one.
_NEXT = """
local group, me, idle = ARGV[1], ARGV[2], ARGV[3]
local own = redis.call('XREADGROUP', 'GROUP', group, me, 'COUNT', 1, 'STREAMS', KEYS[1], '0')
if own and #own[1][2] > 0 then return own[1][2][1][2][2] end
local claimed = redis.call('XAUTOCLAIM', KEYS[1], group, me, idle, '0', 'COUNT', 1)[2]
if #claimed > 0 then return claimed[1][2][2] end
if redis.call('XPENDING', KEYS[1], group)[1] > 0 then return false end
local fresh = redis.call('XREADGROUP', 'GROUP', group, me, 'COUNT', 1, 'STREAMS', KEYS[1], '>')
return fresh and fresh[1][2][1][2][2]
"""
#: Refused when the job is another worker's by now; else it counts as heard of, and a finished one leaves the queue.
_UPDATE = """
local group, me, kept_s = ARGV[1], ARGV[2], tonumber(ARGV[3])
local entry = redis.call('HGET', KEYS[3], 'entry')
if not entry or #redis.call('XPENDING', KEYS[1], group, entry, entry, 1, me) == 0 then return 0 end
redis.call('HSET', KEYS[3], unpack(ARGV, 4))
redis.call('XCLAIM', KEYS[1], group, me, 0, entry, 'JUSTID')
if kept_s > 0 then
  redis.call('XACK', KEYS[1], group, entry)
  redis.call('XDEL', KEYS[1], entry)
  redis.call('DECRBY', KEYS[2], redis.call('HSTRLEN', KEYS[3], 'body'))
  redis.call('HDEL', KEYS[3], 'entry', 'body')
  redis.call('EXPIRE', KEYS[3], kept_s)
end
return 1
"""


class RedisJobStore:
    """The jobs of all replicas; see `rag.storage.jobs.JobStore`.

    Args:
        worker: this replica's name, the same after a restart.
    """

    def __init__(
        self, redis: Redis, worker: str, clock: Clock, *, max_jobs: int = 1_000, max_bytes: int = 1 << 30
    ) -> None:
        self._redis = redis
        self._worker = worker
        self._clock = clock
        self._max_jobs = max_jobs
        self._max_bytes = max_bytes
        self._add, self._next, self._update = map(redis.register_script, (_ADD, _NEXT, _UPDATE))

    async def add(self, space: Space, documents: Sequence[Document], *, timeout_s: float) -> Job:
        """See `JobStore.add`."""
        job = new_job(space, len(documents), self._clock.now())
        body = await asyncio.to_thread(packed, documents)
        arguments: list[Any] = [self._max_jobs, self._max_bytes, job.id, body, *_flat(_fields(job))]
        if not await call(self._add(keys=[STREAM, BYTES, _key(job.id)], args=arguments), timeout_s):
            raise Overloaded("too many ingestion jobs wait; send it again later").after(FULL_RETRY_S)
        return job

    async def get(self, tenant: str, job_id: str, *, timeout_s: float) -> Job | None:
        """See `JobStore.get`."""
        values = await call(self._redis.hmget(_key(job_id), _NAMES), timeout_s)
        if values[0] is None or values[0].decode() != tenant:
            return None
        return _job(job_id, values)

    async def next(self, *, timeout_s: float) -> tuple[Job, list[Document]] | None:
        """See `JobStore.next`; None also while another replica is at work."""
        await self._ensure_group(timeout_s)
        arguments: list[Any] = [GROUP, self._worker, round(CLAIM_IDLE_S * 1000)]
        job_id = await call(self._next(keys=[STREAM], args=arguments), timeout_s)
        if job_id is None:
            return None
        body, *values = await call(self._redis.hmget(_key(job_id.decode()), ["body", *_NAMES]), timeout_s)
        return _job(job_id.decode(), values), await asyncio.to_thread(unpacked, body)

    async def update(self, job: Job, *, timeout_s: float) -> None:
        """See `JobStore.update`.

        Raises:
            DependencyFailed: another worker has taken the job over.
        """
        fields = _fields(replace(job, updated=self._clock.now()))
        arguments: list[Any] = [GROUP, self._worker, KEPT_S if job.finished else 0, *_flat(fields)]
        if not await call(self._update(keys=[STREAM, BYTES, _key(job.id)], args=arguments), timeout_s):
            raise DependencyFailed(f"job {job.id} was taken over by another worker")

    async def _ensure_group(self, timeout_s: float) -> None:
        try:
            await call(self._redis.xgroup_create(STREAM, GROUP, "0", mkstream=True), timeout_s)
        except DependencyFailed as error:
            if not isinstance(error.__cause__, ResponseError) or "BUSYGROUP" not in str(error.__cause__):
                raise


def _key(job_id: str) -> str:
    return f"{{steadyrag}}:job:{job_id}"


def _fields(job: Job) -> dict[str, Any]:
    told = json.dumps([asdict(failure) for failure in job.failures])
    progress = (job.state.value, job.total, job.done, job.created, job.updated, told, job.unchanged)
    return dict(zip(_NAMES, (*asdict(job.space).values(), *progress), strict=True))


def _flat(fields: dict[str, Any]) -> list[Any]:
    return [each for pair in fields.items() for each in pair]


def _job(job_id: str, values: Sequence[bytes | None]) -> Job:
    """The job; a field that its writer did not know yet is None."""
    known = ((value or b"0").decode() for value in values)
    tenant, collection, state, total, done, created, updated, failures, unchanged = known
    return Job(
        job_id,
        Space(tenant, collection),
        JobState(state),
        int(total),
        int(done),
        float(created),
        float(updated),
        tuple(Failure(**fields) for fields in json.loads(failures)),
        int(unchanged),
    )
