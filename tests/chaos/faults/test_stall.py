import asyncio
import random

from chaos.faults.fault import Meeting
from chaos.faults.stall import Stall


async def test_calls_wait_until_the_fault_is_gone():
    meeting = Meeting("store", random.Random(1), asyncio.Event())
    waiting = asyncio.create_task(Stall(seam="*").meet(meeting))
    await asyncio.sleep(3600)
    assert not waiting.done()
    meeting.removed.set()
    await waiting
    await Stall(seam="*").meet(meeting)
