"""Each guarded port hands over what it was given, bounds the wait, and is refused at once while it fails."""

import asyncio
from contextlib import aclosing

import numpy as np
import pytest

from rag.access.limits import Taken
from rag.errors import BreakerOpen, DependencyFailed, DependencyTimeout
from rag.ports import EmbedderInfo
from rag.resilience.events import CallFinished
from rag.resilience.guarded import (
    GuardedBackend,
    GuardedEmbedder,
    GuardedLexicalIndex,
    GuardedLimitStore,
    GuardedPassageIndex,
    GuardedPassageStore,
)
from rag.resilience.guards import Guards, Protections
from rag.types import Hit, Space
from router.errors import ModelUnreachable
from router.types import Chunk, Prompt

SPACE = Space("t", "c")
VECTOR = np.ones(3, np.float32)
CAP_S = 0.5
PROMPT = Prompt((), "q", ())
UNREACHABLE = ModelUnreachable("reset", model="toy")


class Part:
    """Every port at once: takes its time, then fails or answers; keeps the calls."""

    info = EmbedderInfo("toy", 3, 8)
    position = 7
    name = "toy"
    upsert = delete = tell = apply = documents = document = aclose = count_tokens = None

    def __init__(self):
        self.takes_s, self.error, self.calls = 0.0, None, []
        self.mends_after, self.before_failing = float("inf"), lambda: None

    async def _answer(self, result, *call):
        self.calls.append(call)
        await asyncio.sleep(self.takes_s)
        if self.error and len(self.calls) <= self.mends_after:
            self.before_failing()
            raise self.error
        return result

    async def embed(self, texts, *, timeout_s):
        return await self._answer(VECTOR[None], texts, timeout_s)

    async def search(self, space, query, limit, filters, *, within=None, timeout_s):
        return await self._answer([Hit("p", 1.0)], space, query, limit, filters, within, timeout_s)

    async def passages(self, space, ids, *, timeout_s):
        return await self._answer({}, space, ids, timeout_s)

    async def take(self, limits, *, timeout_s):
        return await self._answer(Taken(True, [1.0]), limits, timeout_s)

    async def stream(self, prompt, *, timeout_s):
        yield await self._answer(Chunk("Yes."), prompt, timeout_s)
        yield Chunk("", "stop")


@pytest.fixture
def part():
    return Part()


@pytest.fixture
async def guard(loop_clock, events):
    guards = Guards(Protections(), loop_clock, events.append)
    return guards.guard("part", slow_s=CAP_S / 2, concurrency=4)


READS = {
    "embedder": lambda part, guard, **time: GuardedEmbedder(part, guard, CAP_S).embed(["a"], **time),
    "index": lambda part, guard, **time: GuardedPassageIndex(part, guard, CAP_S).search(SPACE, VECTOR, 5, {}, **time),
    "lexical": lambda part, guard, **time: GuardedLexicalIndex(part, guard, CAP_S).search(SPACE, "a", 5, {}, **time),
}


@pytest.fixture(params=READS)
def read(request, part, guard):
    return lambda timeout_s=9: READS[request.param](part, guard, timeout_s=timeout_s)


async def test_the_call_goes_through_with_the_shorter_time(read, part):
    await read()
    ((*_, timeout_s),) = part.calls
    assert timeout_s == CAP_S


async def test_the_passages_to_look_at_go_through(part, guard):
    await GuardedPassageIndex(part, guard, CAP_S).search(SPACE, VECTOR, 5, {}, within=["p"], timeout_s=9)
    assert part.calls == [(SPACE, VECTOR, 5, {}, ["p"], CAP_S)]


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


async def test_a_request_is_taken_once_whatever_comes_of_it(part, guard, loop_clock):
    limits = GuardedLimitStore(part, guard)
    assert await limits.take([], timeout_s=CAP_S) == Taken(True, [1.0])
    part.error = DependencyFailed("down")
    with pytest.raises(DependencyFailed, match="down"):
        await limits.take([], timeout_s=CAP_S)
    assert part.calls == [([], CAP_S)] * 2
    guard.breaker.force("open", 1)
    part.takes_s = 60
    await asyncio.sleep(1)
    start = loop_clock.monotonic()
    for _ in range(3):
        with pytest.raises(BreakerOpen):
            await limits.take([], timeout_s=CAP_S)
    assert loop_clock.monotonic() == start
    await guard.aclose()


async def test_what_is_not_guarded_is_the_part_s_own(part, guard):
    assert GuardedEmbedder(part, guard, CAP_S).info is part.info
    assert GuardedLexicalIndex(part, guard, CAP_S).position == 7
    assert GuardedBackend(part, guard, CAP_S).name == "toy"


@pytest.fixture(params=[*READS, "store", "model"])
def repeated(request, part, guard):
    """A call that may be made again, through its guard."""
    others = {
        "store": lambda: GuardedPassageStore(part, guard, CAP_S).passages(SPACE, ["p"], timeout_s=9),
        "model": lambda: said(GuardedBackend(part, guard, CAP_S)),
    }
    return others.get(request.param) or (lambda: READS[request.param](part, guard, timeout_s=9))


async def said(model, timeout_s=9):
    async with aclosing(model.stream(PROMPT, timeout_s=timeout_s)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


async def test_one_blip_is_made_good_and_the_breaker_sees_both_attempts(repeated, part, guard, events):
    part.error, part.mends_after = UNREACHABLE, 1
    await repeated()
    assert len(part.calls) == 2
    assert (guard.breaker.snapshot().calls, guard.breaker.snapshot().failures) == (2, 1)
    assert [event.outcome for event in events if isinstance(event, CallFinished)] == ["failed", "ok"]


async def test_the_second_attempt_has_the_rest_of_the_time(repeated, part, loop_clock):
    part.takes_s, part.error, part.mends_after = CAP_S / 4, UNREACHABLE, 1
    await repeated()
    first_s, second_s = (call[-1] for call in part.calls)
    assert 0 < second_s < first_s - CAP_S / 4


async def test_a_second_failure_is_told(repeated, part):
    part.error = UNREACHABLE
    with pytest.raises(ModelUnreachable):
        await repeated()
    assert len(part.calls) == 2


async def test_a_total_outage_is_called_no_oftener_than_the_budget_and_the_breaker_allow(repeated, part, guard):
    part.error = UNREACHABLE
    for _ in range(200):
        await asyncio.gather(repeated(), return_exceptions=True)
    assert len(part.calls) <= guard.breaker.config.min_calls + guard.breaker.config.half_open_permits


async def test_no_second_attempt_once_the_breaker_has_opened(repeated, part, guard):
    part.error = UNREACHABLE
    part.before_failing = lambda: guard.breaker.force("open", 60)
    with pytest.raises(ModelUnreachable):
        await repeated()
    assert len(part.calls) == 1


async def test_nothing_is_said_twice(part, guard):
    class Breaks(Part):
        async def stream(self, prompt, *, timeout_s):
            self.calls.append(prompt)
            yield Chunk("Well,")
            raise UNREACHABLE

    model = Breaks()
    with pytest.raises(ModelUnreachable):
        await said(GuardedBackend(model, guard, CAP_S))
    assert len(model.calls) == 1


async def test_who_can_be_done_without_leaves_half_of_the_time(read, part):
    with pytest.raises(DependencyTimeout):
        part.takes_s = 60
        await read(timeout_s=CAP_S / 5)
    ((*_, timeout_s),) = part.calls
    assert timeout_s == CAP_S / 10


async def test_a_silent_model_leaves_half_of_the_time_and_one_that_speaks_may_use_all(part, guard, loop_clock):
    part.takes_s = 60
    with pytest.raises(DependencyTimeout):
        await said(GuardedBackend(part, guard, first_token_s=15), timeout_s=2)
    assert loop_clock.monotonic() == pytest.approx(1)
    assert part.calls[0][-1] == 2


async def test_the_store_may_use_all_of_the_time_up_to_its_bound(part, guard, loop_clock):
    part.takes_s = 60
    with pytest.raises(DependencyTimeout):
        await GuardedPassageStore(part, guard, CAP_S).passages(SPACE, ["p"], timeout_s=CAP_S / 5)
    assert loop_clock.monotonic() == pytest.approx(CAP_S / 5)
    with pytest.raises(DependencyTimeout):
        await GuardedPassageStore(part, guard, CAP_S).passages(SPACE, ["p"], timeout_s=9)
    assert loop_clock.monotonic() == pytest.approx(CAP_S / 5 + CAP_S)


async def test_the_store_is_guarded(part, guard):
    store = GuardedPassageStore(part, guard, CAP_S)
    assert await store.passages(SPACE, ["p"], timeout_s=2) == {}
    guard.breaker.force("open", 5)
    with pytest.raises(BreakerOpen):
        await store.passages(SPACE, ["p"], timeout_s=2)


async def test_a_model_that_says_nothing_in_time_is_given_up_early(part, guard, loop_clock):
    part.takes_s = 60
    with pytest.raises(DependencyTimeout):
        await said(GuardedBackend(part, guard, CAP_S), timeout_s=30)
    assert loop_clock.monotonic() == pytest.approx(CAP_S, abs=0.01)


async def test_nobody_waits_for_a_model_that_is_known_to_fail_and_it_is_tried_behind(part, guard, loop_clock):
    model = GuardedBackend(part, guard, CAP_S)
    part.takes_s, part.error = CAP_S / 10, UNREACHABLE
    while guard.breaker.state == "closed":
        with pytest.raises((ModelUnreachable, BreakerOpen)):
            await said(model)
    failed, part.error = len(part.calls), None
    waited_s = 0.0
    while guard.breaker.state != "closed":
        before_s = loop_clock.monotonic()
        with pytest.raises(BreakerOpen):
            await said(model)
        waited_s += loop_clock.monotonic() - before_s
        await asyncio.sleep(CAP_S)
    assert waited_s == 0
    assert len(part.calls) - failed == guard.breaker.config.half_open_successes
    assert await said(model) == "Yes."


async def test_a_model_that_began_may_take_its_whole_time(part, guard):
    class Slow(Part):
        async def stream(self, prompt, *, timeout_s):
            yield Chunk("Well,")
            await asyncio.sleep(10)
            yield Chunk("yes.", "stop")

    assert await said(GuardedBackend(Slow(), guard, CAP_S), timeout_s=30) == "Well,yes."
    assert guard.breaker.state == "closed"


async def test_callers_in_a_hurry_do_not_close_the_way_for_others(part, guard):
    part.takes_s = CAP_S / 5
    for _ in range(60):
        with pytest.raises(DependencyTimeout):
            await GuardedEmbedder(part, guard, CAP_S).embed(["a"], timeout_s=CAP_S / 50)
    assert guard.breaker.state == "closed"
