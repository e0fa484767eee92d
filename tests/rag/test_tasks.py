from __future__ import annotations

import asyncio

import pytest

from rag import tasks


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
