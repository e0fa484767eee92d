from __future__ import annotations

import asyncio

import pytest

from rag.pipeline.shared import Shared


class Computation:
    """Counts how often it is begun, ended and stopped; ends when it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = self.ended = self.stopped = 0
        self.let_go = asyncio.Event()
        self._error = error

    async def __call__(self) -> int:
        self.begun += 1
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        self.ended += 1
        if self._error:
            raise self._error
        return 42


async def start(shared: Shared[int], callers: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(shared()) for _ in range(callers)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_nothing_is_computed_for_nobody() -> None:
    computation = Computation()
    with Shared(computation):
        await asyncio.sleep(0)
    assert computation.begun == 0


async def test_the_value_is_computed_once_for_all() -> None:
    computation = Computation()
    with Shared(computation) as shared:
        callers = await start(shared, 3)
        computation.let_go.set()
        assert await asyncio.gather(*callers) == [42, 42, 42]
        assert await shared() == 42
    assert (computation.begun, computation.ended, computation.stopped) == (1, 1, 0)


async def test_the_error_goes_to_each_who_asks() -> None:
    computation = Computation(ValueError("no vector"))
    computation.let_go.set()
    with Shared(computation) as shared:
        callers = await start(shared, 2)
        for caller in (*callers, shared()):
            with pytest.raises(ValueError, match="no vector"):
                await caller
    assert computation.begun == 1


async def test_one_who_leaves_does_not_stop_it_for_the_others() -> None:
    computation = Computation()
    with Shared(computation) as shared:
        leaving, staying = await start(shared, 2)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        computation.let_go.set()
        assert await staying == 42
    assert leaving.cancelled()
    assert computation.stopped == 0


async def test_leaving_the_context_stops_it() -> None:
    computation = Computation()
    with Shared(computation) as shared:
        (caller,) = await start(shared, 1)
        caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    await asyncio.sleep(0)
    assert (computation.begun, computation.ended, computation.stopped) == (1, 0, 1)
