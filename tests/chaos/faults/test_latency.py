import asyncio
import random

import pytest
from pydantic import ValidationError

from chaos.faults.fault import Meeting
from chaos.faults.latency import Latency


async def delays(fault, count=200, seed=1):
    """Seconds that calls wait, one after another."""
    loop, meeting = asyncio.get_running_loop(), Meeting("store", random.Random(seed), asyncio.Event())
    found = []
    for _ in range(count):
        start = loop.time()
        await fault.meet(meeting)
        found.append(loop.time() - start)
    return found


async def test_each_call_waits():
    assert await delays(Latency(seam="*", delay_s=2.0), count=3) == pytest.approx([2.0] * 3)


async def test_jitter_is_even_on_both_sides():
    found = await delays(Latency(seam="*", delay_s=2.0, jitter_s=0.5))
    assert 1.5 <= min(found) < 1.6
    assert 2.4 < max(found) <= 2.5
    assert sum(found) / len(found) == pytest.approx(2.0, abs=0.1)


async def test_more_jitter_than_delay_is_no_wait_at_times():
    found = await delays(Latency(seam="*", delay_s=0.1, jitter_s=1.0))
    assert min(found) == 0.0
    assert 1.0 < max(found) <= 1.1


async def test_who_waits_goes_on_when_the_fault_is_gone():
    removed = asyncio.Event()
    asyncio.get_running_loop().call_later(0.5, removed.set)
    start = asyncio.get_running_loop().time()
    await Latency(seam="*", delay_s=60.0).meet(Meeting("store", random.Random(1), removed))
    assert asyncio.get_running_loop().time() - start == pytest.approx(0.5)


async def test_the_callers_own_time_limit_holds():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await delays(Latency(seam="*", delay_s=60.0), count=1)


@pytest.mark.parametrize("fields", [{"delay_s": 0.0}, {"delay_s": float("nan")}, {"delay_s": 1.0, "jitter_s": -1.0}])
def test_what_is_no_delay_is_refused(fields):
    with pytest.raises(ValidationError):
        Latency(seam="*", **fields)
