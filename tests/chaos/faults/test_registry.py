import asyncio

import pytest

from chaos.errors import BadRequest
from chaos.faults.error import Failure
from chaos.faults.latency import Latency
from chaos.faults.registry import Faults
from chaos.faults.stall import Stall
from rag.errors import DependencyFailed

SHARDS = 3


class Shard:
    """Keeps what it is told."""

    def __init__(self):
        self.points = []

    async def search(self, text, *, timeout_s):
        return text

    async def upsert(self, points, *, timeout_s):
        self.points += points


@pytest.fixture
def told():
    return []


@pytest.fixture
def faults(told):
    return Faults(seed=3, observe=lambda name, kind, fault: told.append((name, kind, fault.seam)))


@pytest.fixture
def shards(faults):
    return [faults.wrap(f"index:{number}", Shard()) for number in range(SHARDS)]


async def seconds_of(call):
    start = asyncio.get_running_loop().time()
    await call
    return asyncio.get_running_loop().time() - start


async def search_s(shards):
    return [await seconds_of(shard.search("a", timeout_s=1.0)) for shard in shards]


async def test_only_the_seams_of_the_pattern_are_met(faults, shards):
    faults.add("slow", Latency(seam="index:1", delay_s=2.0))
    assert await search_s(shards) == pytest.approx([0.0, 2.0, 0.0])
    faults.add("slow", Latency(seam="index:*", delay_s=1.0))
    assert await search_s(shards) == pytest.approx([1.0] * SHARDS)


async def test_faults_at_one_seam_add_up(faults, shards):
    faults.add("slow", Latency(seam="index:0", delay_s=2.0))
    faults.add("slower", Latency(seam="index:*", delay_s=3.0))
    assert (await search_s(shards))[0] == pytest.approx(5.0)


async def test_it_ends_by_itself(faults, shards, told):
    faults.add("slow", Latency(seam="index:0", delay_s=2.0, duration_s=10.0))
    await asyncio.sleep(9)
    assert (await search_s(shards))[0] == pytest.approx(1.0)  # at 10 s it was gone, and who waited went on
    assert (await search_s(shards))[0] == 0.0
    assert told == [("slow", "fault-on", "index:0"), ("slow", "fault-off", "index:0")]


async def test_one_that_was_removed_and_put_back_does_not_end_by_the_first_ones_clock(faults, shards):
    faults.add("slow", Latency(seam="index:0", delay_s=2.0, duration_s=10.0))
    faults.remove("slow")
    faults.add("slow", Latency(seam="index:0", delay_s=2.0))
    await asyncio.sleep(11)
    assert (await search_s(shards))[0] == pytest.approx(2.0)


async def test_no_write_is_lost_when_a_stall_is_taken_away(faults, shards):
    faults.add("stuck", Stall(seam="index:0"))
    writes = [asyncio.create_task(shards[0].upsert([n], timeout_s=1.0)) for n in range(100)]
    await asyncio.sleep(3600)
    assert not shards[0].points
    faults.clear()
    assert await seconds_of(asyncio.gather(*writes)) == 0.0
    assert shards[0].points == list(range(100))
    assert not faults.standing


async def test_who_waits_at_one_fault_does_not_meet_a_later_one_that_is_gone(faults, shards):
    faults.add("stuck", Stall(seam="index:0"))
    faults.add("broken", Failure(seam="index:0"))
    searching = asyncio.create_task(shards[0].search("a", timeout_s=1.0))
    await asyncio.sleep(1)
    faults.clear()
    assert await searching == "a"


async def failed(shards, calls=400):
    results = []
    for _ in range(calls):
        try:
            results.append(await shards[0].search("a", timeout_s=1.0))
        except DependencyFailed:
            results.append(None)
    return [n for n, result in enumerate(results) if result is None]


async def test_the_share_is_drawn_by_the_seed(faults, shards):
    faults.add("broken", Failure(seam="index:0", share=0.25))
    first = await failed(shards)
    assert 70 < len(first) < 130
    faults.add("broken", Failure(seam="index:0", share=0.25))
    assert await failed(shards) == first
    other = Faults(seed=4)
    more = [other.wrap("index:0", Shard())]
    other.add("broken", Failure(seam="index:0", share=0.25))
    assert await failed(more) != first


async def test_a_seam_that_there_is_not_is_refused(faults, shards):
    with pytest.raises(BadRequest, match=r"no seam is 'index:7'; there are index:0, index:1, index:2"):
        faults.add("slow", Stall(seam="index:7"))
    assert not faults.standing


async def test_removing_what_is_not_there_does_nothing(faults, told):
    faults.remove("slow")
    assert not told
