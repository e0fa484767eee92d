import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from rag.errors import BreakerOpen, DeadlineExceeded, DependencyFailed, DependencyTimeout, InvalidRequest, Overloaded
from rag.resilience.breaker import BreakerConfig
from rag.resilience.events import CallFinished, CallRejected, Shed
from rag.resilience.gradient import GradientConfig
from rag.resilience.guard import Guard, GuardConfig
from rag.resilience.limiter import LimiterConfig
from rag.resilience.retry import Retries, RetryBudget, RetryPolicy
from router.errors import ModelUnavailable, StreamBroken

ON = GuardConfig()
NO_BREAKER = replace(ON, breaker=BreakerConfig(enabled=False))
NO_BULKHEAD = replace(ON, limiter=LimiterConfig(enabled=False))
NO_TIMEOUT = replace(ON, timeouts=False)


def narrow(places):
    return replace(ON, limiter=LimiterConfig(GradientConfig(min_limit=places, max_limit=places)))


@pytest.fixture
def make(loop_clock, events):
    """A guard in virtual time, jitter at its upper bound."""

    def make(config=ON):
        return Guard.build("model:small", config, loop_clock, events.append, lambda: 1.0)

    return make


class Port:
    """A dependency: takes its time, then answers or fails; counts its calls."""

    def __init__(self, takes_s=0.0, error=None):
        self.takes_s, self.error, self.calls = takes_s, error, 0

    async def __call__(self):
        self.calls += 1
        await asyncio.sleep(self.takes_s)
        if self.error:
            raise self.error
        return "answer"


class Stream:
    """A streaming dependency: waits before each item, then breaks or ends; notes when it was closed."""

    def __init__(self, *waits_s, error=None):
        self.waits_s, self.error, self.calls, self.closed = waits_s, error, 0, False

    async def __call__(self):
        self.calls += 1
        try:
            for number, wait_s in enumerate(self.waits_s):
                await asyncio.sleep(wait_s)
                yield number
            if self.error:
                raise self.error
        finally:
            self.closed = True


async def calls(guard, port, times, timeout_s=1.0):
    """Call so often, one after the other; the errors' names."""
    tasks = []
    for _ in range(times):
        tasks.append(asyncio.create_task(guard.call(port, timeout_s=timeout_s)))
        await asyncio.gather(tasks[-1], return_exceptions=True)
    return [type(task.exception()).__name__ for task in tasks if task.exception()]


async def drain(guard, stream, **options):
    return [item async for item in guard.stream(stream, **{"timeout_s": 30.0, **options})]


# --- calls -------------------------------------------------------------------------------------------------------


async def test_the_answer_comes_through(make, events):
    assert await make().call(Port(0.2), timeout_s=1.0) == "answer"
    assert events == [CallFinished("model:small", "ok", pytest.approx(0.2))]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (DependencyFailed("x"), "failed"),
        (ModelUnavailable("x", model="m"), "failed"),
        (TimeoutError("the port's own"), "failed"),
        (InvalidRequest("x"), "refused"),
        (DependencyTimeout("x"), "timeout"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_the_ports_errors_come_through_as_they_were(make, events, error, outcome):
    with pytest.raises(type(error)) as caught:
        await make().call(Port(error=error), timeout_s=1.0)
    assert caught.value is error
    assert events[0] == CallFinished("model:small", outcome, 0.0)


@pytest.mark.parametrize(("config", "cut"), [(ON, True), (NO_TIMEOUT, False)])
async def test_a_call_is_cut_at_its_timeout(make, loop_clock, config, cut):
    outcome = await asyncio.gather(make(config).call(Port(5.0), timeout_s=0.25), return_exceptions=True)
    assert isinstance(outcome[0], DependencyTimeout) is cut
    assert loop_clock.monotonic() == pytest.approx(0.25 if cut else 5.0)


async def test_the_timeout_names_the_target(make):
    with pytest.raises(DependencyTimeout, match=r"model:small did not answer within 0\.25 s"):
        await make().call(Port(5.0), timeout_s=0.25)


@pytest.mark.parametrize(("config", "reached"), [(ON, 20), (NO_BREAKER, 200)])
async def test_a_dead_dependency_is_left_alone(make, config, reached):
    port = Port(error=DependencyFailed("down"))
    errors = await calls(make(config), port, 200)
    assert port.calls == reached
    assert errors.count("BreakerOpen") == 200 - reached


@pytest.mark.parametrize(("config", "at_once"), [(ON, 10), (NO_BULKHEAD, 50)])
async def test_a_slow_dependency_does_not_take_everything(make, config, at_once):
    guard, port = make(config), Port(0.5)
    tasks = [asyncio.create_task(guard.call(port, timeout_s=2.0)) for _ in range(50)]
    await asyncio.sleep(0.1)
    assert port.calls == at_once
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_open_breaker_answers_at_once_though_all_slots_hang(make, events, loop_clock):
    guard = make(narrow(2))
    hanging = [asyncio.create_task(guard.call(Port(9.0), timeout_s=10.0)) for _ in range(2)]
    await asyncio.sleep(0)
    guard.breaker.force("open", 60)
    with pytest.raises(BreakerOpen):
        await guard.call(Port(), timeout_s=1.0)
    assert loop_clock.monotonic() == 0
    assert events[-1] == CallRejected("model:small", "open")
    await asyncio.gather(*hanging)


async def test_who_waited_for_a_slot_meets_the_breaker_as_it_is_then(make):
    guard, port = make(narrow(1)), Port()
    hanging = asyncio.create_task(guard.call(Port(0.5), timeout_s=1.0))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(guard.call(port, timeout_s=1.0))
    await asyncio.sleep(0.1)
    guard.breaker.force("open", 60)
    await hanging
    with pytest.raises(BreakerOpen):
        await waiting
    assert port.calls == 0


async def test_waiting_for_a_slot_is_part_of_the_time_but_not_of_the_duration(make, events):
    guard = make(narrow(1))
    first = asyncio.create_task(guard.call(Port(0.6), timeout_s=1.0))
    await asyncio.sleep(0)
    with pytest.raises(DependencyTimeout):
        await guard.call(Port(0.6), timeout_s=0.9)
    await first
    durations = [event.duration_s for event in events if isinstance(event, CallFinished)]
    assert durations == pytest.approx([0.6, 0.3])


async def test_a_shed_call_is_neutral_to_the_breaker(make, events):
    guard, port = make(narrow(1)), Port(0.5)
    tasks = [asyncio.create_task(guard.call(port, timeout_s=9.0)) for _ in range(100)]
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert (outcomes.count("answer"), port.calls) == (2, 2)
    assert sum(isinstance(each, Overloaded) for each in outcomes) == 98
    assert sum(isinstance(each, Shed) for each in events) == 98
    assert (guard.breaker.snapshot().calls, guard.breaker.snapshot().failures) == (2, 0)


@pytest.mark.parametrize("timeout_s", [0.0, -1.0])
async def test_nothing_is_called_when_no_time_is_left(make, timeout_s):
    guard, port = make(), Port()
    with pytest.raises(Overloaded):
        await guard.call(port, timeout_s=timeout_s)
    assert (port.calls, guard.breaker.snapshot().failures) == (0, 0)


async def test_a_cancelled_call_is_neutral_and_gives_everything_back(make, events):
    guard = make()
    task = asyncio.create_task(guard.call(Port(5.0), timeout_s=10.0))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (guard.breaker.snapshot().calls, guard.limiter.snapshot().in_flight) == (0, 0)
    assert events == [CallFinished("model:small", "cancelled", 1.0)]


async def test_targets_share_a_limiter_and_not_a_breaker(make, loop_clock, events):
    one = make(narrow(3))
    other = Guard(
        "model:small:1",
        breaker=make().breaker,
        limiter=one.limiter,
        retries=Retries("model:small:1", RetryPolicy(), RetryBudget(loop_clock), events.append),
        clock=loop_clock,
        on_event=events.append,
    )
    port = Port(0.5)
    tasks = [asyncio.create_task(guard.call(port, timeout_s=2.0)) for guard in (one, other) * 2]
    await asyncio.sleep(0.1)
    assert port.calls == 3
    await asyncio.gather(*tasks)
    assert (one.breaker.snapshot().calls, other.breaker.snapshot().calls) == (2, 2)


# --- streams -----------------------------------------------------------------------------------------------------


async def test_items_come_through_with_the_time_to_the_first(make, events):
    assert await drain(make(), Stream(0.3, 0.1, 0.1)) == [0, 1, 2]
    assert events == [CallFinished("model:small", "ok", pytest.approx(0.5), pytest.approx(0.3))]


@pytest.mark.parametrize(("first_item_counts", "slow_rate"), [(True, 0.0), (False, 1.0)])
async def test_a_long_healthy_generation_is_not_slow(make, first_item_counts, slow_rate):
    guard = make(NO_BREAKER)
    for _ in range(25):
        await drain(guard, Stream(0.2, 10.0), first_item_counts=first_item_counts)
    assert guard.breaker.snapshot().slow_rate == slow_rate
    assert guard.limiter.snapshot().latency_s == pytest.approx(0.2 if first_item_counts else 10.2)


async def test_a_late_first_item_is_slow(make):
    guard = make()
    await drain(guard, Stream(1.5, 0.1))
    assert guard.breaker.snapshot().slow == 1


async def test_a_stream_without_items_is_a_success(make, events):
    assert await drain(make(), Stream()) == []
    assert events == [CallFinished("model:small", "ok", 0.0)]


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (Stream(error=ModelUnavailable("refused", model="m")), ModelUnavailable),
        (Stream(0.1, 0.1, error=StreamBroken("reset", model="m")), StreamBroken),
        (Stream(60.0), DependencyTimeout),
        (Stream(0.1, 60.0), DependencyTimeout),
    ],
    ids=["before-the-first-item", "midway", "no-first-item", "stalled-midway"],
)
async def test_a_stream_that_fails_is_a_failure(make, stream, error):
    guard = make()
    with pytest.raises(error):
        await drain(guard, stream)
    assert guard.breaker.snapshot().failures == 1
    assert guard.limiter.snapshot().in_flight == 0
    assert stream.closed


async def test_a_dead_streaming_dependency_is_left_alone(make):
    guard, stream = make(), Stream(0.1, error=StreamBroken("reset", model="m"))
    for _ in range(100):
        await asyncio.gather(drain(guard, stream), return_exceptions=True)
    assert guard.breaker.state == "open"
    assert stream.calls <= 20


async def test_running_out_of_time_while_items_flow_is_no_failure(make, events):
    guard = make()
    with pytest.raises(DependencyTimeout):
        await drain(guard, Stream(*[0.2] * 100), timeout_s=4.9)
    assert guard.breaker.snapshot().failures == 0
    assert events[-1] == CallFinished("model:small", "timeout", pytest.approx(4.9), pytest.approx(0.2))


async def test_the_callers_own_slowness_is_no_failure(make):
    guard, stream = make(), Stream(0.1, 0.1, 0.1)
    items = guard.stream(stream, timeout_s=1.0)
    await anext(items)
    await asyncio.sleep(2.0)
    with pytest.raises(DeadlineExceeded):
        await anext(items)
    assert (guard.breaker.snapshot().failures, stream.closed) == (0, True)


async def test_closing_closes_upstream_within_the_same_tick_and_is_neutral(make, events):
    guard, stream = make(), Stream(0.1, 60.0)
    ticks, items = 0, guard.stream(stream, timeout_s=100.0)

    def tick():
        nonlocal ticks
        ticks += 1

    assert await anext(items) == 0
    asyncio.get_running_loop().call_soon(tick)
    await items.aclose()
    assert (stream.closed, ticks) == (True, 0)
    snapshot = guard.breaker.snapshot()
    assert (snapshot.calls, snapshot.failures, guard.limiter.snapshot().in_flight) == (1, 0, 0)
    assert events == [CallFinished("model:small", "cancelled", pytest.approx(0.1), pytest.approx(0.1))]


@pytest.mark.parametrize("after_s", [0.05, 0.5], ids=["before-the-first-item", "midway"])
async def test_a_cancelled_consumer_stops_upstream_at_once(make, loop_clock, after_s):
    guard, stream = make(), Stream(0.1, 60.0)

    async def consume():
        async with aclosing(guard.stream(stream, timeout_s=100.0)) as items:
            async for _ in items:
                pass

    task = asyncio.create_task(consume())
    await asyncio.sleep(after_s)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (stream.closed, loop_clock.monotonic()) == (True, after_s)
    assert (guard.breaker.snapshot().failures, guard.limiter.snapshot().in_flight) == (0, 0)


async def test_a_refused_stream_is_never_begun(make):
    guard, stream = make(), Stream(0.1)
    guard.breaker.force("open", 60)
    with pytest.raises(BreakerOpen):
        await drain(guard, stream)
    assert stream.calls == 0


async def test_a_half_open_breaker_closes_on_first_items(make):
    """Three answers have begun well: nobody waits for their ends."""
    guard = make()
    guard.breaker.force("open", 0)
    streams = [guard.stream(Stream(0.1, 60.0), timeout_s=100.0) for _ in range(3)]
    assert await asyncio.gather(*(anext(stream) for stream in streams)) == [0, 0, 0]
    assert guard.breaker.state == "closed"
    for stream in streams:
        await stream.aclose()
