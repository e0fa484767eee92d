import asyncio

import pytest

from evals.bench.faulty_service import Fault, Faults, FaultyShard
from rag.errors import DependencyFailed
from rag.resilience.events import BreakerChanged, CallRejected
from tests.support.virtual_time import run


class Shard:
    """Tells what it was asked."""

    async def upsert(self, points, *, timeout_s):
        return points

    async def delete(self, ids, *, timeout_s):
        return ids

    async def search(self, *query, **options):
        return query, options

    async def vectors(self, ids, *, timeout_s):
        return ids


@pytest.fixture
def faults():
    return Faults(clock=lambda: asyncio.get_running_loop().time())


async def seconds_of(search):
    start = asyncio.get_running_loop().time()
    await search
    return asyncio.get_running_loop().time() - start


def test_reads_of_the_named_shards_are_late_and_others_are_not(faults):
    shards = [faults.wrap(f"index:{number}", Shard()) for number in range(3)]

    async def main():
        faults.begin(Fault([0, 2], delay_s=2.0))
        late = [await seconds_of(shard.search("vector")) for shard in shards]
        faults.begin(Fault())
        return late, await seconds_of(shards[0].search("vector"))

    assert run(main()) == ([2.0, 0.0, 2.0], 0.0)


async def test_writes_go_through(faults):
    shard = faults.wrap("index:0", Shard())
    faults.begin(Fault([0], dead=True))
    assert await shard.upsert(["point"], timeout_s=1) == ["point"]
    assert await shard.delete(["id"], timeout_s=1) == ["id"]


async def test_a_dead_shard_fails_at_once(faults):
    shard = faults.wrap("index:1", Shard())
    faults.begin(Fault([1], dead=True))
    for read in (shard.search("vector", timeout_s=1), shard.vectors(["id"], timeout_s=1)):
        with pytest.raises(DependencyFailed, match="shard 1 is dead"):
            await read


async def test_a_search_passes_through_as_it_is(faults):
    assert await FaultyShard(Shard(), 0, faults).search("vector", 10, timeout_s=1) == (("vector", 10), {"timeout_s": 1})


def test_other_seams_are_left_alone(faults):
    assert faults.wrap("lexical", "adapter") == faults.wrap("model:small", "adapter") == "adapter"


def test_changes_of_breakers_are_timed_from_the_fault_on(faults):
    async def main():
        await asyncio.sleep(5)
        faults.begin(Fault([0], delay_s=2.0))
        await asyncio.sleep(1.5)
        faults.event(BreakerChanged("index:0", "closed", "open", "failure-rate"))
        faults.event(CallRejected("index:0", "open"))
        return faults.begin(Fault()), faults.begin(Fault())

    assert run(main()) == ([("index:0", "open", 1.5)], [])
