"""Each guarded port hands over what it was given, bounds the wait, and is refused at once while it fails."""

import asyncio
from contextlib import aclosing

import numpy as np
import pytest

from rag.errors import BreakerOpen, DependencyFailed, DependencyTimeout
from rag.ports import EmbedderInfo
from rag.resilience.guarded import (
    GuardedBackend,
    GuardedEmbedder,
    GuardedLexicalIndex,
    GuardedPassageIndex,
    GuardedPassageStore,
)
from rag.resilience.guards import Guards, Protections
from rag.types import Hit, Space
from router.types import Chunk, Prompt

SPACE = Space("t", "c")
VECTOR = np.ones(3, np.float32)
CAP_S = 0.5


class Part:
    """Every port at once: takes its time, then fails or answers; keeps the calls."""

    info = EmbedderInfo("toy", 3, 8)
    position = 7
    name = "toy"
    upsert = delete = apply = documents = document = aclose = count_tokens = None

    def __init__(self):
        self.takes_s, self.error, self.calls = 0.0, None, []

    async def _answer(self, result, *call):
        self.calls.append(call)
        await asyncio.sleep(self.takes_s)
        if self.error:
            raise self.error
        return result

    async def embed(self, texts, *, timeout_s):
        return await self._answer(VECTOR[None], texts, timeout_s)

    async def search(self, space, query, limit, filters, *, timeout_s):
        return await self._answer([Hit("p", 1.0)], space, query, limit, filters, timeout_s)

    async def passages(self, space, ids, *, timeout_s):
        return await self._answer({}, space, ids, timeout_s)

    async def stream(self, prompt, *, timeout_s):
        yield await self._answer(Chunk("Yes."), prompt, timeout_s)
        yield Chunk("", "stop")


@pytest.fixture
def part():
    return Part()


@pytest.fixture
def guard(loop_clock, events):
    guards = Guards(Protections(), loop_clock, events.append)
    return guards.guard("part", slow_s=CAP_S / 2, concurrency=4)


READS = {
    "embedder": lambda part, guard: GuardedEmbedder(part, guard, CAP_S).embed(["a"], timeout_s=9),
    "index": lambda part, guard: GuardedPassageIndex(part, guard, CAP_S).search(SPACE, VECTOR, 5, {}, timeout_s=9),
    "lexical": lambda part, guard: GuardedLexicalIndex(part, guard, CAP_S).search(SPACE, "a", 5, {}, timeout_s=9),
}


@pytest.fixture(params=READS)
def read(request, part, guard):
    return lambda: READS[request.param](part, guard)


async def test_the_call_goes_through_with_the_shorter_time(read, part):
    await read()
    ((*_, timeout_s),) = part.calls
    assert timeout_s == CAP_S


async def test_a_stall_costs_the_cap_and_not_the_deadline(read, part, loop_clock):
    part.takes_s = 60
    start = loop_clock.monotonic()
    with pytest.raises(DependencyTimeout):
        await read()
    assert loop_clock.monotonic() - start == pytest.approx(CAP_S)


async def test_once_it_is_known_to_fail_nobody_waits_and_the_trial_runs_behind(read, part, guard, loop_clock):
    part.error = DependencyFailed("down")
    while guard.breaker.state == "closed":
        with pytest.raises(DependencyFailed):
            await read()
    part.takes_s, part.error = CAP_S / 4, None
    await asyncio.sleep(10)
    made = len(part.calls)
    start = loop_clock.monotonic()
    while guard.breaker.state != "closed":
        with pytest.raises(BreakerOpen):
            await read()
        assert loop_clock.monotonic() - start < 5
        await asyncio.sleep(0.1)
    assert len(part.calls) - made >= guard.breaker.config.half_open_successes
    await read()


async def test_no_caller_waits_for_a_trial(read, part, guard, loop_clock):
    guard.breaker.force("open", 1)
    part.takes_s = 60
    await asyncio.sleep(1)
    start = loop_clock.monotonic()
    for _ in range(20):
        with pytest.raises(BreakerOpen):
            await read()
    assert loop_clock.monotonic() == start
    await guard.aclose()


async def test_what_is_not_guarded_is_the_part_s_own(part, guard):
    assert GuardedEmbedder(part, guard, CAP_S).info is part.info
    assert GuardedLexicalIndex(part, guard, CAP_S).position == 7
    assert GuardedBackend(part, guard, CAP_S).name == "toy"


async def test_the_store_is_guarded(part, guard):
    store = GuardedPassageStore(part, guard)
    assert await store.passages(SPACE, ["p"], timeout_s=2) == {}
    guard.breaker.force("open", 5)
    with pytest.raises(BreakerOpen):
        await store.passages(SPACE, ["p"], timeout_s=2)


async def test_a_model_that_says_nothing_in_time_is_given_up_early(part, guard, loop_clock):
    part.takes_s = 60
    with pytest.raises(DependencyTimeout):
        async with aclosing(GuardedBackend(part, guard, CAP_S).stream(Prompt((), "q", ()), timeout_s=30)) as chunks:
            await anext(chunks)
    assert loop_clock.monotonic() == pytest.approx(CAP_S, abs=0.01)


async def test_a_model_that_began_may_take_its_whole_time(part, guard):
    class Slow(Part):
        async def stream(self, prompt, *, timeout_s):
            yield Chunk("Well,")
            await asyncio.sleep(10)
            yield Chunk("yes.", "stop")

    chunks = GuardedBackend(Slow(), guard, CAP_S).stream(Prompt((), "q", ()), timeout_s=30)
    assert [chunk.text async for chunk in chunks] == ["Well,", "yes."]
    assert guard.breaker.state == "closed"


async def test_callers_in_a_hurry_do_not_close_the_way_for_others(part, guard):
    part.takes_s = CAP_S / 5
    for _ in range(60):
        with pytest.raises(DependencyTimeout):
            await GuardedEmbedder(part, guard, CAP_S).embed(["a"], timeout_s=CAP_S / 50)
    assert guard.breaker.state == "closed"
