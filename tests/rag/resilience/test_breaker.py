import asyncio
import random
import timeit
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pybreaker import CircuitBreakerListener

from rag.errors import (
    BreakerOpen,
    ClientGone,
    ConfigError,
    DependencyFailed,
    DependencyTimeout,
    InvalidRequest,
    NotFound,
    Overloaded,
    StorageFull,
)
from rag.resilience.breaker import Breaker, BreakerConfig, blames_dependency
from rag.resilience.events import BreakerChanged, CallRejected
from rag.types import SystemClock
from router.errors import ModelOverloaded, ModelRejected, ModelUnavailable, StreamBroken
from tests.support.clock import FakeClock

OFF = BreakerConfig(enabled=False)


@pytest.fixture
def make(clock, events):
    """A breaker on the manual clock, jitter at its upper bound, so that open times are exact."""

    def make(config=BreakerConfig(), rng=lambda: 1.0):  # noqa: B008 - frozen
        return Breaker("index:0", config, clock, events.append, rng)

    return make


def fail(breaker, times=1):
    for _ in range(times):
        breaker.acquire().failure(DependencyFailed("down"))


def succeed(breaker, times=1, duration_s=0.01):
    for _ in range(times):
        breaker.acquire().success(duration_s)


def opened(breaker, clock):
    """The breaker, opened by failures and due for a probe."""
    fail(breaker, breaker.config.min_calls)
    assert breaker.state == "open"
    clock.advance(breaker.snapshot().probe_in_s)
    return breaker


def is_rejecting(breaker):
    try:
        breaker.acquire().release()
    except BreakerOpen:
        return True
    return False


# --- opening -----------------------------------------------------------------------------------------------------


def failed_calls_and_seconds_until_open(breaker, clock, rng, rps, limit=400):
    failed, started = 0, clock.monotonic()
    for _ in range(limit):
        clock.advance(1 / rps)
        if rng.random() < 0.5:
            failed += 1
            fail(breaker)
        else:
            succeed(breaker)
        if breaker.state == "open":
            return failed, clock.monotonic() - started
    return None


@pytest.mark.parametrize("warm_up_calls", [0, 5_000])
@pytest.mark.parametrize("rps", [2, 20, 200, 2_000])
def test_opens_within_a_second_or_20_failed_calls_at_half_errors(make, clock, rps, warm_up_calls):
    for seed in range(20):
        rng, breaker = random.Random(seed), make()
        for _ in range(warm_up_calls):
            clock.advance(1 / rps)
            fail(breaker) if rng.random() < 0.01 else succeed(breaker)
        failed, seconds = failed_calls_and_seconds_until_open(breaker, clock, rng, rps)
        assert failed <= 20 or seconds <= 1, (seed, failed, seconds)


@pytest.mark.parametrize(("config", "opens"), [(BreakerConfig(), True), (OFF, False)])
def test_total_failure_is_cut_off_only_while_switched_on(make, config, opens):
    breaker, sent = make(config), 0
    for _ in range(500):
        if not is_rejecting(breaker):
            sent += 1
            fail(breaker)
    assert (sent == config.min_calls) is opens
    assert (sent == 500) is not opens


@pytest.mark.parametrize("rps", [0.5, 1.2, 5, 50, 1_000])
def test_never_opens_in_100_000_calls_at_one_percent_errors(make, clock, events, rps):
    rng, breaker = random.Random(2024), make()
    for _ in range(100_000):
        clock.advance(rng.expovariate(rps))
        breaker.acquire().failure() if rng.random() < 0.01 else breaker.acquire().success(0.01)
    assert events == []


def test_slow_successes_open_it(make):
    breaker = make()
    succeed(breaker, 9)
    succeed(breaker, 10, duration_s=1.0)
    assert breaker.state == "closed"
    succeed(breaker, 1, duration_s=1.0)
    assert breaker.state == "open"


def test_a_success_never_opens_it(make):
    breaker = make()
    fail(breaker, 19)
    succeed(breaker)
    assert breaker.state == "closed"
    fail(breaker)
    assert breaker.state == "open"


def test_fewer_than_the_minimum_calls_never_open_it(make):
    breaker = make()
    fail(breaker, 19)
    assert breaker.state == "closed"


def test_old_outcomes_are_forgotten(make, clock):
    breaker = make()
    fail(breaker, 19)
    clock.advance(breaker.config.window_s)
    fail(breaker)
    assert breaker.state == "closed"
    assert breaker.snapshot().calls == 1


# --- half-open ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("permits", [1, 3, 7])
async def test_exactly_the_permitted_trials_run_under_200_waiting_callers(loop_clock, events, permits):
    config = BreakerConfig(half_open_permits=permits, half_open_successes=permits)
    breaker = Breaker("index:0", config, loop_clock, events.append, lambda: 1.0)
    fail(breaker, config.min_calls)
    due, answer = asyncio.Event(), asyncio.Event()
    running, rejected, highest = 0, 0, 0

    async def caller():
        nonlocal running, rejected, highest
        await due.wait()
        try:
            with breaker.acquire():
                running += 1
                highest = max(highest, running)
                await answer.wait()
                running -= 1
        except BreakerOpen:
            rejected += 1

    callers = [asyncio.create_task(caller()) for _ in range(200)]
    await asyncio.sleep(config.open_s)
    due.set()
    await asyncio.sleep(0.01)
    assert (running, rejected, breaker.state) == (permits, 200 - permits, "half-open")
    answer.set()
    await asyncio.gather(*callers)
    assert (highest, breaker.state) == (permits, "closed")


def test_enough_passed_trials_close_it(make, clock):
    breaker = opened(make(), clock)
    succeed(breaker, 2)
    assert breaker.state == "half-open"
    succeed(breaker)
    assert breaker.state == "closed"


@pytest.mark.parametrize("trial", [fail, lambda breaker: succeed(breaker, duration_s=1.0)], ids=["failed", "slow"])
def test_one_bad_trial_opens_it_again(make, clock, trial):
    breaker = opened(make(), clock)
    succeed(breaker, 2)
    trial(breaker)
    assert breaker.state == "open"


def test_a_released_trial_gives_its_permit_back(make, clock):
    breaker = opened(make(BreakerConfig(half_open_permits=1)), clock)
    permit = breaker.acquire()
    assert is_rejecting(breaker)
    permit.release()
    permit.release()
    breaker.acquire()
    assert is_rejecting(breaker), "releasing twice makes no second permit"


async def test_a_cancelled_caller_is_neutral_and_gives_its_permit_back(loop_clock, events):
    breaker = Breaker("index:0", BreakerConfig(half_open_permits=1), loop_clock, events.append)
    fail(breaker, 20)
    await asyncio.sleep(5)

    async def call():
        with breaker.acquire():
            await asyncio.Event().wait()

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    assert is_rejecting(breaker)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert breaker.state == "half-open"
    assert not is_rejecting(breaker)


async def test_a_closed_generator_is_neutral(loop_clock, events):
    breaker = Breaker("index:0", BreakerConfig(), loop_clock, events.append)

    async def stream():
        with breaker.acquire():
            yield 1
            yield 2

    for _ in range(100):
        items = stream()
        await anext(items)
        await items.aclose()
    assert (breaker.state, breaker.snapshot().calls) == ("closed", 0)


def test_late_results_change_nothing(make, clock):
    breaker = make()
    late = [breaker.acquire() for _ in range(4)]
    opened(breaker, clock)
    trial = breaker.acquire()
    late[0].failure(DependencyTimeout("late"))
    late[1].success(99.0)
    late[2].release()
    assert (breaker.state, breaker.snapshot().calls) == ("half-open", 0)
    trial.success(0.01)
    succeed(breaker, 2)
    late[3].failure()
    assert (breaker.state, breaker.snapshot().calls) == ("closed", 0)


def test_only_the_first_word_counts(make):
    breaker = make()
    permit = breaker.acquire()
    permit.success(0.01)
    permit.failure()
    permit.release()
    permit.success(99.0)
    snapshot = breaker.snapshot()
    assert (snapshot.calls, snapshot.failures, snapshot.slow) == (1, 0, 0)


# --- streams -----------------------------------------------------------------------------------------------------


def test_a_long_healthy_generation_is_not_slow(make, clock):
    breaker = make()
    for _ in range(40):
        with breaker.acquire() as permit:
            permit.success(0.2)
            clock.advance(30)
    assert (breaker.state, breaker.snapshot().slow) == ("closed", 0)


def test_a_stream_that_breaks_after_its_start_is_a_failed_call(make):
    breaker = make()
    for _ in range(9):
        permit = breaker.acquire()
        permit.success(0.1)
        with pytest.raises(StreamBroken), permit:
            raise StreamBroken("reset", model="small")
    snapshot = breaker.snapshot()
    assert (snapshot.calls, snapshot.failures, snapshot.last_error) == (18, 9, "StreamBroken")


def test_a_stream_that_breaks_late_opens_a_half_open_breaker(make, clock):
    breaker = opened(make(), clock)
    permit = breaker.acquire()
    permit.success(0.1)
    permit.broke()
    permit.broke()
    assert breaker.state == "open"


# --- what counts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "blamed"),
    [
        (DependencyFailed("x"), True),
        (DependencyTimeout("x"), True),
        (OSError("x"), True),
        (ModelUnavailable("x", model="m"), True),
        (StreamBroken("x", model="m"), True),
        (InvalidRequest("x"), False),
        (NotFound("x"), False),
        (ClientGone("x"), False),
        (StorageFull("x"), False),
        (Overloaded("x"), False),
        (ModelRejected("x", model="m"), False),
        (ModelOverloaded("x", model="m"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_who_is_to_blame(make, error, blamed):
    breaker = make()
    with pytest.raises(type(error)), breaker.acquire():
        raise error
    assert blames_dependency(error) is blamed
    assert breaker.snapshot().failures == int(blamed)
    assert breaker.snapshot().last_error == (type(error).__name__ if blamed else None)


def test_the_hook_decides(make):
    breaker = make(BreakerConfig(is_failure=lambda error: not isinstance(error, KeyError)))
    for error in (KeyError(), ValueError()):
        with pytest.raises(type(error)), breaker.acquire():
            raise error
    assert breaker.snapshot().failures == 1


# --- open times --------------------------------------------------------------------------------------------------


def open_times(breaker, clock, events, times):
    """How long it stays open each time when every probe fails."""
    fail(breaker, breaker.config.min_calls)
    for _ in range(times - 1):
        clock.advance(breaker.snapshot().probe_in_s)
        fail(breaker)
    return [event.open_for_s for event in events if event.new == "open"]


def test_open_times_double_up_to_the_cap(make, clock, events):
    assert open_times(make(), clock, events, 5) == pytest.approx([1, 2, 4, 5, 5])


def test_open_times_never_overflow(make, clock, events):
    assert open_times(make(), clock, events, 2_000)[-1] == pytest.approx(5)


def test_open_times_are_spread(make, clock, events):
    times = open_times(make(rng=random.Random(3).random), clock, events, 300)[3:]
    assert 2.5 <= min(times) < 2.6
    assert 4.9 < max(times) < 5


def test_closing_resets_the_open_time(make, clock, events):
    breaker = make()
    open_times(breaker, clock, events, 3)
    clock.advance(10)
    succeed(breaker, 3)
    fail(breaker, 20)
    assert events[-1].open_for_s == pytest.approx(1)


def test_a_rejected_caller_learns_when_to_come_back(make):
    breaker = make(BreakerConfig(open_s=4.2))
    fail(breaker, 20)
    with pytest.raises(BreakerOpen) as caught:
        breaker.acquire()
    assert (caught.value.retry_after_s, caught.value.status) == (5, 503)
    with pytest.raises(BreakerOpen):
        breaker.check()


# --- operators ---------------------------------------------------------------------------------------------------


def test_forced_open_holds_and_ends_with_a_probe(make, clock):
    breaker = make()
    breaker.force("open", 60)
    clock.advance(59.9)
    assert is_rejecting(breaker)
    assert breaker.snapshot().forced_for_s == pytest.approx(0.1)
    clock.advance(0.2)
    succeed(breaker, 3)
    assert (breaker.state, breaker.snapshot().forced_for_s) == ("closed", None)


def test_forced_closed_counts_and_does_not_open_until_it_ends(make, clock):
    breaker = make()
    breaker.force("closed", 5)
    fail(breaker, 100)
    assert (breaker.state, breaker.snapshot().failure_rate) == ("closed", 1.0)
    clock.advance(5)
    fail(breaker)
    assert breaker.state == "open"


def test_forcing_for_no_time_only_sets_the_state(make, clock):
    breaker = make()
    fail(breaker, 20)
    breaker.force("closed", 0)
    fail(breaker, 20)
    assert breaker.state == "open"
    breaker.force("open", 0)
    succeed(breaker, 3)
    assert breaker.state == "closed"


@pytest.mark.parametrize(("state", "for_s"), [("half-open", 1), ("open", -1), ("closed", float("inf"))])
def test_what_cannot_be_forced(make, state, for_s):
    with pytest.raises(ValueError, match="cannot hold"):
        make().force(state, for_s)


def test_snapshot_of_an_open_breaker(make, clock):
    breaker = make()
    succeed(breaker, 10)
    fail(breaker, 5)
    succeed(breaker, 5, duration_s=2.0)
    snapshot = breaker.snapshot()
    assert (snapshot.state, snapshot.calls, snapshot.failure_rate, snapshot.slow_rate) == ("closed", 20, 0.25, 0.25)
    assert (snapshot.probe_in_s, snapshot.last_error) == (None, "DependencyFailed")
    fail(breaker, 2)
    clock.advance(0.25)
    assert breaker.snapshot().probe_in_s == pytest.approx(0.75)


def test_every_change_and_rejection_is_told(make, clock, events):
    breaker = opened(make(), clock)
    clock.advance(-0.5)
    assert is_rejecting(breaker)
    clock.advance(0.5)
    succeed(breaker, 3)
    assert events == [
        BreakerChanged("index:0", "closed", "open", "failure-rate", pytest.approx(1)),
        CallRejected("index:0", "open"),
        BreakerChanged("index:0", "open", "half-open", "probe-due"),
        BreakerChanged("index:0", "half-open", "closed", "probes-passed"),
    ]


def test_an_observer_sees_the_state_that_it_is_told_of(clock):
    seen = []
    breaker = Breaker("index:0", BreakerConfig(), clock, lambda event: seen.append((event.new, breaker.state)))
    fail(breaker, 20)
    assert seen == [("open", "open")]


def test_pybreaker_carries_the_state_and_tells_its_listeners(make, clock):
    changes = []

    class Listener(CircuitBreakerListener):
        def state_change(self, cb, old_state, new_state):
            changes.append((old_state.name, new_state.name))

    breaker = make()
    breaker.circuit.add_listener(Listener())
    succeed(opened(breaker, clock), 3)
    assert changes == [("closed", "open"), ("open", "half-open"), ("half-open", "closed")]
    assert breaker.circuit.current_state == "closed"


@pytest.mark.parametrize("change", [{"min_calls": 41}, {"min_calls": 0}, {"half_open_permits": 0}])
def test_settings_that_cannot_work_are_refused(change):
    with pytest.raises(ConfigError):
        replace(BreakerConfig(), **change)


def test_a_call_costs_at_most_5_microseconds():
    breaker = Breaker("index:0", BreakerConfig(), SystemClock(), lambda event: None)
    calls = 20_000
    seconds = min(timeit.repeat(lambda: breaker.acquire().success(0.01), number=calls, repeat=5))
    assert seconds / calls <= 5e-6


# --- against a model ---------------------------------------------------------------------------------------------

SMALL = BreakerConfig(
    window_s=4.0, window_calls=6, min_calls=3, failure_rate=0.5, slow_rate=0.5, slow_s=1.0, half_open_permits=2,
    half_open_successes=2, open_s=1.0, open_max_s=3.0,
)  # fmt: skip


class Model:
    """The breaker said plainly: a list of outcomes, recounted each time; a permit is the state's number."""

    def __init__(self, config):
        self.config, self.now = config, 0.0
        self.forced_until, self.openings = 0.0, 0
        self.number = 0
        self.go("closed")

    def go(self, state):
        self.state, self.number = state, self.number + 1
        self.outcomes, self.out, self.passed = [], 0, 0

    def open(self):
        self.probe_at = self.now + min(self.config.open_max_s, self.config.open_s * 2**self.openings)
        self.openings += 1
        self.go("open")

    def acquire(self):
        if self.state == "open" and self.now >= self.probe_at:
            self.go("half-open")
        elif self.state == "open":
            return None
        if self.state == "half-open" and self.out == self.config.half_open_permits:
            return None
        self.out += 1
        return self.number

    def settle(self, number, outcome):
        if number != self.number:
            return
        self.out -= 1
        if outcome == "released":
            return
        if self.state == "half-open":
            self.passed += outcome == "ok"
            if outcome != "ok":
                self.open()
            elif self.passed == self.config.half_open_successes:
                self.openings = 0
                self.go("closed")
            return
        self.outcomes.append((self.now, outcome))
        window = self.window()
        enough = len(window) >= self.config.min_calls and outcome != "ok" and self.now >= self.forced_until
        if enough and max(window.count("failed"), window.count("slow")) * 2 >= len(window):
            self.open()

    def window(self):
        kept = self.outcomes[-self.config.window_calls :]
        return [outcome for at, outcome in kept if at > self.now - self.config.window_s]

    def force(self, state, for_s):
        self.forced_until = self.probe_at = self.now + for_s
        self.openings = 0
        self.go(state)


OUTCOMES = st.sampled_from(["ok", "slow", "failed", "released"])
SAY = {
    "ok": lambda permit: permit.success(0.5),
    "slow": lambda permit: permit.success(1.0),
    "failed": lambda permit: permit.failure(),
    "released": lambda permit: permit.release(),
}


class BreakerAgainstModel(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.clock, self.model = FakeClock(), Model(SMALL)
        self.breaker = Breaker("x", SMALL, self.clock, lambda event: None, lambda: 1.0)
        self.permits = []

    @rule()
    def acquire(self):
        number = self.model.acquire()
        try:
            permit = self.breaker.acquire()
        except BreakerOpen:
            assert number is None
        else:
            assert number is not None
            self.permits.append((permit, number))

    @precondition(lambda self: self.permits)
    @rule(data=st.data(), outcome=OUTCOMES, again=OUTCOMES)
    def settle(self, data, outcome, again):
        permit, number = self.permits.pop(data.draw(st.integers(0, len(self.permits) - 1)))
        SAY[outcome](permit)
        self.model.settle(number, outcome)
        SAY[again](permit)

    @rule(outcomes=st.lists(OUTCOMES, min_size=1, max_size=6))
    def call(self, outcomes):
        for outcome in outcomes:
            self.acquire()
            if self.permits and self.permits[-1][1] == self.model.number:
                permit, number = self.permits.pop()
                SAY[outcome](permit)
                self.model.settle(number, outcome)

    @rule(quarters=st.integers(1, 12))
    def wait(self, quarters):
        self.clock.advance(quarters / 4)
        self.model.now += quarters / 4

    @rule(state=st.sampled_from([None] * 8 + ["open", "closed"]), quarters=st.integers(0, 8))
    def force(self, state, quarters):
        if state is None:  # forcing rarely, so that the breaker's own judgement gets its turn
            return
        self.breaker.force(state, quarters / 4)
        self.model.force(state, quarters / 4)

    @invariant()
    def same(self):
        snapshot, window = self.breaker.snapshot(), self.model.window()
        assert snapshot.state == self.model.state
        assert (snapshot.calls, snapshot.failures, snapshot.slow) == (
            len(window),
            window.count("failed"),
            window.count("slow"),
        )
        if snapshot.state == "open":
            assert snapshot.probe_in_s == max(0.0, self.model.probe_at - self.model.now)


BreakerAgainstModel.TestCase.settings = settings(
    max_examples=200, stateful_step_count=60, deadline=None, derandomize=True, database=None
)
TestBreakerAgainstModel = BreakerAgainstModel.TestCase
