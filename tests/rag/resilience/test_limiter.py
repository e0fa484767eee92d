import asyncio
import contextlib
import gc
import random
import statistics
from collections import Counter

import pytest

from rag.errors import DependencyFailed, DependencyTimeout, Overloaded
from rag.resilience.events import LimitChanged, Shed
from rag.resilience.gradient import GradientConfig
from rag.resilience.limiter import AdaptiveLimiter, LimiterConfig, signals_overload
from router.errors import ModelOverloaded, ModelUnavailable
from tests.support.queueing import Server, offer, percentile
from tests.support.virtual_time import LoopClock, run

SERVICE_S = 0.1
OFF = LimiterConfig(enabled=False)


def fixed(limit, **settings):
    """A limiter whose limit does not move."""
    return LimiterConfig(GradientConfig(min_limit=limit, max_limit=limit), **settings)


@pytest.fixture
def make(loop_clock, events):
    def make(config=LimiterConfig()):  # noqa: B008 - frozen
        return AdaptiveLimiter("model:small", config, loop_clock, events.append)

    return make


async def hold(limiter, release, *, priority="interactive", timeout_s=30.0):
    async with limiter.slot(priority=priority, timeout_s=timeout_s):
        await release.wait()


async def occupy(limiter, number):
    """Take so many places; the event gives them back."""
    release = asyncio.Event()
    tasks = [asyncio.create_task(hold(limiter, release)) for _ in range(number)]
    await asyncio.sleep(0)
    return release, tasks


def is_idle(limiter):
    snapshot = limiter.snapshot()
    return (snapshot.in_flight, snapshot.waiting_interactive, snapshot.waiting_batch) == (0, 0, 0)


# --- overload, simulated -----------------------------------------------------------------------------------------


def overload(config, capacity, factor, seed, *, priorities=True, interactive=1.0, requests=None):
    """Half the capacity offered for a while, then `factor` times the capacity; the report of the latter."""

    async def main():
        rng, server = random.Random(seed), Server(capacity, SERVICE_S)
        limiter = AdaptiveLimiter("x", config, LoopClock(), lambda event: None)
        full_rps = capacity / SERVICE_S
        await offer(server, limiter, rng, rps=full_rps / 2, requests=300)
        return await offer(
            server,
            limiter,
            rng,
            rps=factor * full_rps,
            requests=requests or 1_000 * factor,
            interactive=interactive if priorities else 1.0,
        )

    return run(main())


def median(reports, figure):
    return statistics.median(map(figure, reports))


@pytest.mark.parametrize("capacity", [8, 16])
@pytest.mark.parametrize("factor", [3, 10])
def test_overload_costs_neither_goodput_nor_latency(capacity, factor):
    reports = [overload(LimiterConfig(), capacity, factor, seed) for seed in range(3)]
    assert median(reports, lambda report: report.goodput_rps) >= 0.9 * capacity / SERVICE_S
    assert median(reports, lambda report: percentile(report.latencies_s, 0.95)) <= 2 * SERVICE_S
    assert median(reports, lambda report: percentile(report.rejected_after_s, 0.95)) <= 0.02
    assert all(seconds >= 1 for report in reports for seconds in report.retry_after_s)


@pytest.mark.parametrize(("config", "holds"), [(LimiterConfig(), True), (OFF, False)])
def test_without_the_limit_overload_makes_latency_grow_without_bound(config, holds):
    report = overload(config, 8, 3, seed=1)
    assert (percentile(report.latencies_s, 0.95) <= 2 * SERVICE_S) is holds
    assert (percentile(report.latencies_s, 0.95) > 20 * SERVICE_S) is not holds


@pytest.mark.parametrize("capacity", [8, 16])
def test_interactive_callers_are_served_while_batch_is_shed(capacity):
    """Offered twice the capacity, a quarter of it interactive."""
    reports = [overload(LimiterConfig(), capacity, 2, seed, interactive=0.25, requests=4_000) for seed in range(3)]
    assert median(reports, lambda report: report.share_admitted("interactive")) >= 0.99
    assert 0.2 < median(reports, lambda report: report.share_admitted("batch")) < 0.4
    assert median(reports, lambda report: report.goodput_rps) >= 0.9 * capacity / SERVICE_S
    assert median(reports, lambda report: percentile(report.latencies_s, 0.95)) <= 2 * SERVICE_S


def test_without_priorities_interactive_callers_are_shed_like_the_rest():
    report = overload(LimiterConfig(), 8, 2, seed=1, priorities=False, interactive=0.25)
    assert report.share_admitted("interactive") < 0.6


async def served_afterwards(make, trouble):
    """Share of the requests served, at 70 % of the capacity, in the third phase of 10 s after the trouble."""
    rng, server, limiter = random.Random(3), Server(8, SERVICE_S), make()
    await offer(server, limiter, rng, rps=56, requests=500)
    await trouble(server, limiter, rng)
    for _ in range(3):
        report = await offer(server, limiter, rng, rps=56, requests=560)
    assert percentile(report.latencies_s, 0.95) <= 2 * SERVICE_S
    return report.share_admitted("interactive")


async def test_no_metastable_state_after_an_overload(make):
    async def trouble(server, limiter, rng):
        await offer(server, limiter, rng, rps=800, requests=8_000)

    assert await served_afterwards(make, trouble) >= 0.98


async def test_no_metastable_state_after_an_outage(make, events):
    async def trouble(server, limiter, rng):
        async def dead():
            await asyncio.sleep(0.5)
            raise DependencyTimeout("x")

        async def call():
            async with limiter.slot(timeout_s=1.0):
                await dead()

        for _ in range(600):
            await asyncio.gather(*(call() for _ in range(5)), return_exceptions=True)
        assert limiter.snapshot().limit == 1

    assert await served_afterwards(make, trouble) >= 0.98
    assert any(isinstance(event, LimitChanged) and event.new < event.old for event in events)


# --- the queue ---------------------------------------------------------------------------------------------------


async def test_interactive_goes_before_batch_and_each_in_order(make):
    limiter, order = make(fixed(4, queue=1.0, batch_queue=1.0)), []

    async def call(label, priority):
        async with limiter.slot(priority=priority, timeout_s=30):
            order.append(label)

    release, holders = await occupy(limiter, 4)
    waiting = [
        asyncio.create_task(call(label, priority))
        for label, priority in (("b1", "batch"), ("i1", "interactive"), ("b2", "batch"), ("i2", "interactive"))
    ]
    await asyncio.sleep(0.1)
    release.set()
    await asyncio.gather(*holders, *waiting)
    assert order == ["i1", "i2", "b1", "b2"]
    assert is_idle(limiter)


async def test_a_full_queue_turns_away_at_once(make, events, loop_clock):
    limiter = make(fixed(5))
    release, holders = await occupy(limiter, 5 + 2)
    for priority in ("interactive", "batch", "batch"):
        task = asyncio.create_task(hold(limiter, release, priority=priority))
        await asyncio.sleep(0)
        holders.append(task)
    outcomes = [task.exception() if task.done() else None for task in holders]
    assert [type(error) for error in outcomes if error] == [Overloaded, Overloaded]
    assert events == [Shed("model:small", "interactive", "queue-full"), Shed("model:small", "batch", "queue-full")]
    assert loop_clock.monotonic() == 0
    release.set()
    await asyncio.gather(*holders, return_exceptions=True)


async def test_batch_leaves_places_to_interactive(make):
    limiter, release = make(fixed(20)), asyncio.Event()
    batch = [asyncio.create_task(hold(limiter, release, priority="batch")) for _ in range(30)]
    await asyncio.sleep(0)
    assert limiter.snapshot().in_flight == 17
    interactive = [asyncio.create_task(hold(limiter, release)) for _ in range(3)]
    await asyncio.sleep(0)
    assert limiter.snapshot().in_flight == 20
    release.set()
    await asyncio.gather(*batch, *interactive, return_exceptions=True)


async def measured(limiter, latency_s):
    """The limiter, after a round of calls that took so long."""
    for _ in range(50):
        async with limiter.slot(timeout_s=30):
            await asyncio.sleep(latency_s)
    assert limiter.snapshot().latency_s == pytest.approx(latency_s)


async def test_who_would_wait_longer_than_its_timeout_is_told_at_once(make, events, loop_clock):
    limiter = make(fixed(4, queue=1.0))
    await measured(limiter, 2.0)
    release, holders = await occupy(limiter, 5)
    before = loop_clock.monotonic()
    with pytest.raises(Overloaded) as caught:
        await hold(limiter, release, timeout_s=0.9)
    assert (caught.value.retry_after_s, loop_clock.monotonic()) == (1, before)
    assert events[-1] == Shed("model:small", "interactive", "would-wait-too-long")
    release.set()
    await asyncio.gather(*holders)


async def test_the_expected_wait_follows_how_long_places_are_held_not_the_first_items(make, events):
    limiter = make(fixed(4, queue=1.0))
    for _ in range(50):
        async with limiter.slot(timeout_s=30) as slot:
            slot.measured(0.1)
            await asyncio.sleep(20)
    release, holders = await occupy(limiter, 4)
    with pytest.raises(Overloaded) as caught:
        await hold(limiter, release, timeout_s=4.9)
    assert caught.value.retry_after_s == 5
    assert events[-1] == Shed("model:small", "interactive", "would-wait-too-long")
    release.set()
    await asyncio.gather(*holders)


async def test_who_would_wait_longer_than_the_limiter_allows_is_told_at_once(make, events, loop_clock):
    limiter = make(fixed(4, queue=1.0))
    await measured(limiter, 5.0)
    release, holders = await occupy(limiter, 4)
    before = loop_clock.monotonic()
    with pytest.raises(Overloaded):
        await hold(limiter, release, timeout_s=30.0)
    assert (events[-1].reason, loop_clock.monotonic()) == ("would-wait-too-long", before)
    release.set()
    await asyncio.gather(*holders)


@pytest.mark.parametrize(("brief_s", "waiting"), [(0.0, 2), (0.2, 8)])
async def test_a_burst_may_wait_where_calls_are_quick(make, brief_s, waiting):
    """Four places of 0.1 s each serve 40 callers a second: the eighth waits 0.2 s. Batch callers wait as ever."""
    limiter = make(fixed(4, brief_s=brief_s))
    await measured(limiter, 0.1)
    release, holders = await occupy(limiter, 4 + 12)
    holders += [asyncio.create_task(hold(limiter, release, priority="batch")) for _ in range(3)]
    await asyncio.sleep(0)
    snapshot = limiter.snapshot()
    assert (snapshot.waiting_interactive, snapshot.waiting_batch) == (waiting, 1)
    release.set()
    await asyncio.gather(*holders, return_exceptions=True)
    assert is_idle(limiter)


@pytest.mark.parametrize(("timeout_s", "waits_s"), [(0.3, 0.3), (30.0, 1.0)])
async def test_nobody_waits_longer_than_its_timeout_or_the_limiters(make, events, loop_clock, timeout_s, waits_s):
    limiter = make(fixed(1))
    release, holders = await occupy(limiter, 1)
    with pytest.raises(Overloaded):
        await hold(limiter, release, timeout_s=timeout_s)
    assert loop_clock.monotonic() == pytest.approx(waits_s)
    assert events == [Shed("model:small", "interactive", "waited-too-long", pytest.approx(waits_s))]
    release.set()
    await asyncio.gather(*holders)
    assert is_idle(limiter)


async def test_switched_off_everybody_enters(make):
    limiter = make(LimiterConfig(GradientConfig(max_limit=1), enabled=False))
    release, holders = await occupy(limiter, 100)
    assert limiter.snapshot().in_flight == 100
    release.set()
    await asyncio.gather(*holders)
    assert is_idle(limiter)


# --- nothing is lost ---------------------------------------------------------------------------------------------


async def test_a_cancelled_waiter_leaves_the_queue(make):
    limiter = make(fixed(1))
    release, holders = await occupy(limiter, 2)
    holders[1].cancel()
    await asyncio.gather(holders[1], return_exceptions=True)
    assert limiter.snapshot().waiting_interactive == 0
    release.set()
    await asyncio.gather(*holders, return_exceptions=True)
    assert is_idle(limiter)


async def test_cancelled_in_the_moment_of_its_grant_the_place_goes_on(make):
    limiter = make(fixed(1, queue=3.0))
    release, holders = await occupy(limiter, 3)
    release.set()
    await asyncio.sleep(0)
    assert limiter.snapshot().waiting_interactive == 1, "the second has its place and has not run yet"
    holders[1].cancel()
    await asyncio.gather(*holders, return_exceptions=True)
    assert [task.cancelled() for task in holders] == [False, True, False]
    assert is_idle(limiter)


async def test_a_coroutine_thrown_away_while_waiting_leaves_the_queue(make):
    limiter = make(fixed(1))
    release, holders = await occupy(limiter, 1)
    waiting = hold(limiter, release)
    waiting.send(None)
    assert limiter.snapshot().waiting_interactive == 1
    waiting.close()
    gc.collect()
    assert limiter.snapshot().waiting_interactive == 0
    release.set()
    await asyncio.gather(*holders)
    assert is_idle(limiter)


@pytest.mark.parametrize("seed", range(5))
async def test_no_place_is_lost_whatever_happens_to_callers(make, seed):
    rng, limiter, highest, outcomes = random.Random(seed), make(fixed(5, queue=2.0, batch_queue=2.0)), 0, Counter()

    async def call():
        nonlocal highest
        async with limiter.slot(timeout_s=rng.uniform(0.01, 0.3), priority=rng.choice(["interactive", "batch"])):
            highest = max(highest, limiter.snapshot().in_flight)
            await asyncio.sleep(rng.uniform(0, 0.2))
            if rng.random() < 0.2:
                raise DependencyFailed("x")

    async def caller():
        task = asyncio.create_task(call())
        if rng.random() < 0.4:
            asyncio.get_running_loop().call_later(rng.uniform(0, 0.2), task.cancel)
        result = (await asyncio.gather(task, return_exceptions=True))[0]
        outcomes[type(result).__name__] += 1

    callers = []
    for _ in range(1_000):
        await asyncio.sleep(rng.expovariate(60))
        callers.append(asyncio.create_task(caller()))
    await asyncio.gather(*callers)
    assert highest == 5
    assert set(outcomes) == {"NoneType", "Overloaded", "CancelledError", "DependencyFailed"}
    assert is_idle(limiter)


# --- what it learns ----------------------------------------------------------------------------------------------


async def test_a_stream_reports_the_time_to_its_first_item(make):
    limiter = make()
    for _ in range(100):
        async with limiter.slot(timeout_s=30) as slot:
            await asyncio.sleep(0.2)
            slot.measured(0.2)
            await asyncio.sleep(20)
    assert limiter.snapshot().latency_s == pytest.approx(0.2)


@pytest.mark.parametrize("error", [None, DependencyTimeout("late")], ids=["success", "overload"])
async def test_a_call_of_another_kind_takes_a_place_and_teaches_nothing(make, error):
    limiter = make()
    before = limiter.snapshot()
    for _ in range(100):
        slot = limiter.slot(timeout_s=1.0)
        slot.unmeasured()
        with contextlib.suppress(DependencyTimeout):
            async with slot:
                assert limiter.snapshot().in_flight == 1
                await asyncio.sleep(0.1)
                if error:
                    raise error
    assert limiter.snapshot() == before


async def test_only_successes_are_measured(make):
    limiter = make()
    for _ in range(100):
        with pytest.raises(DependencyFailed):
            async with limiter.slot(timeout_s=30):
                raise DependencyFailed("refused at once")
    assert (limiter.snapshot().latency_s, limiter.snapshot().limit) == (0, 10)


@pytest.mark.parametrize(
    ("error", "lowers"),
    [
        (DependencyTimeout("x"), True),
        (TimeoutError(), True),
        (Overloaded("x"), True),
        (ModelOverloaded("x", model="m"), True),
        (ModelUnavailable("x", model="m"), False),
        (DependencyFailed("x"), False),
        (ValueError("x"), False),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_which_errors_lower_the_limit(make, events, error, lowers):
    limiter = make()
    with pytest.raises(type(error)):
        async with limiter.slot(timeout_s=30):
            raise error
    assert signals_overload(error) is lowers
    assert limiter.snapshot().limit == (7 if lowers else 10)
    assert events == ([LimitChanged("model:small", 10, 7)] if lowers else [])


async def test_the_snapshot_tells_operators(make):
    limiter = make()
    await measured(limiter, 0.1)
    release, holders = await occupy(limiter, 12)
    snapshot = limiter.snapshot()
    assert (snapshot.name, snapshot.limit, snapshot.in_flight) == ("model:small", 10, 10)
    assert (snapshot.waiting_interactive, snapshot.waiting_batch) == (2, 0)
    assert snapshot.baseline_s == pytest.approx(0.1)
    release.set()
    await asyncio.gather(*holders)
