import asyncio
import time

import pytest

from tests.support import virtual_time
from tests.support.virtual_time import EPOCH, LoopClock, run


def test_waiting_takes_no_real_time():
    async def main():
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    started = time.perf_counter()
    assert run(main()) == pytest.approx(86_400)
    assert time.perf_counter() - started < 1


def test_timers_fire_in_order_and_at_their_time():
    async def note(log, delay_s):
        await asyncio.sleep(delay_s)
        log.append((delay_s, asyncio.get_running_loop().time()))

    async def main():
        log = []
        await asyncio.gather(*(note(log, delay_s) for delay_s in (0.3, 0.1, 0.2)))
        return log

    assert run(main()) == [(each, pytest.approx(each)) for each in (0.1, 0.2, 0.3)]


def test_timeouts_are_virtual():
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await asyncio.Event().wait()
        return LoopClock().now()

    assert run(main()) == pytest.approx(EPOCH + 60)


def test_a_thread_is_waited_for():
    async def main():
        return await asyncio.to_thread(lambda: "done")

    assert run(main()) == "done"


def test_a_deadlock_is_told(monkeypatch):
    monkeypatch.setattr(virtual_time, "PATIENCE_S", 0.01)

    async def main():
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="deadlock"):
        run(main())
