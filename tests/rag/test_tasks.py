from __future__ import annotations

import asyncio

import pytest

from rag import tasks
from rag.tasks import Patience
from tests.support.virtual_time import VirtualTimeLoop, run


async def test_a_task_that_loses_a_cancellation_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "END_AGAIN_S", 0)
    lost = []

    async def work() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if len(lost) == 3:
                    raise
                lost.append(1)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await tasks.end(task)
    assert task.cancelled()
    await tasks.end(task)


async def arrival(turns: int, held_up_s: float) -> str:
    """What comes after so many turns of a loop that is held up in each of them."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    for _ in range(turns):
        loop.hold_up(held_up_s)
        await asyncio.sleep(0)
    return "there"


async def patient() -> str:
    async with Patience(0.05):
        return await arrival(tasks.TICKS, 0.1)


async def impatient() -> str:
    async with asyncio.timeout(0.05):
        return await arrival(tasks.TICKS, 0.1)


def test_what_the_loop_is_late_is_no_fault_of_what_is_waited_for() -> None:
    assert run(patient()) == "there"
    with pytest.raises(TimeoutError):
        run(impatient())


async def held_up_for_ever() -> None:
    async with Patience(0.05):
        await arrival(1000, 0.1)


def test_but_a_loop_that_is_always_late_waits_no_more_than_some_turns() -> None:
    with pytest.raises(TimeoutError):
        run(held_up_for_ever())


async def nothing() -> tuple[bool, float]:
    limit = Patience(0.05)
    with pytest.raises(TimeoutError):
        async with limit:
            await asyncio.Event().wait()
    return limit.expired(), asyncio.get_running_loop().time()


def test_a_loop_that_is_on_time_waits_as_long_as_it_was_told() -> None:
    expired, at = run(nothing())
    assert expired
    assert at == pytest.approx(0.05)


async def failing(error: BaseException) -> float:
    limit = Patience(0.05)
    with pytest.raises(type(error)):
        async with limit:
            raise error
    await asyncio.sleep(1)
    assert not limit.expired()
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    "error", [ValueError(), TimeoutError(), asyncio.CancelledError()], ids=lambda each: type(each).__name__
)
def test_what_ends_inside_ends_as_it_did(error: BaseException) -> None:
    assert run(failing(error)) == pytest.approx(1)
