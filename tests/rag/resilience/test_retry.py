import asyncio
import math
import random

import pytest

from rag.errors import BreakerOpen, DeadlineExceeded, DependencyFailed, DependencyTimeout, InvalidRequest, Overloaded
from rag.resilience.events import Retried, RetryBudgetExhausted
from rag.resilience.retry import Retries, RetryBudget, RetryPolicy, may_help
from rag.types import Deadline
from router.errors import ModelOverloaded, ModelUnavailable, ModelUnreachable, StreamBroken


class Dependency:
    """Gives the errors in turn, then answers; notes when it was called, and the time it was given."""

    def __init__(self, *errors, takes_s=0.0):
        self.errors, self.takes_s, self.called_at, self.given_s = list(errors), takes_s, [], []

    async def __call__(self, left_s):
        self.given_s.append(left_s)
        self.called_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.takes_s)
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


class Dead(Dependency):
    """Always fails."""

    async def __call__(self, left_s):
        self.errors.append(DependencyFailed("down"))
        return await super().__call__(left_s)


@pytest.fixture
def attempt(loop_clock, events):
    """Run a call under retries with everything at hand, three attempts, and the jitter at its upper bound."""

    async def attempt(call, *, deadline_s=60.0, budget=None, attempts=3, allowed=lambda: True, **seams):
        budget = budget or RetryBudget(loop_clock)
        retries = Retries("index:0", RetryPolicy(attempts), budget, events.append, rng=lambda: 1.0, **seams)
        return await retries.run(call, Deadline.after(deadline_s, loop_clock), allowed)

    return attempt


async def test_a_transient_error_is_retried(attempt, events):
    dependency = Dependency(DependencyFailed("reset"), DependencyFailed("again"))
    assert await attempt(dependency) == "answer"
    assert dependency.called_at == pytest.approx([0, 0.05, 0.15])
    assert events == [
        Retried("index:0", 1, 0.05, "DependencyFailed"),
        Retried("index:0", 2, 0.1, "DependencyFailed"),
    ]


async def test_every_attempt_is_given_the_time_that_is_left(attempt):
    dependency = Dependency(DependencyFailed("reset"), DependencyFailed("again"), takes_s=1.0)
    await attempt(dependency, deadline_s=10)
    assert dependency.given_s == pytest.approx([10, 8.95, 7.85])


async def test_the_last_error_comes_through_as_it_was(attempt):
    last = DependencyFailed("third")
    with pytest.raises(DependencyFailed) as caught:
        await attempt(Dependency(DependencyFailed("first"), DependencyFailed("second"), last))
    assert caught.value is last


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequest("x"),
        ValueError("x"),
        BreakerOpen("x"),
        Overloaded("x"),
        DeadlineExceeded("x"),
        DependencyTimeout("x"),
        ModelUnavailable("5xx", model="m"),
        ModelOverloaded("429", model="m", retry_after_s=0.01),
        StreamBroken("x", model="m"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_a_retry_does_not_help_is_not_retried(attempt, error):
    dependency = Dependency(error)
    assert not may_help(error)
    with pytest.raises(type(error)):
        await attempt(dependency)
    assert len(dependency.called_at) == 1


async def test_a_model_that_could_not_be_reached_is_called_again(attempt):
    assert await attempt(Dependency(ModelUnreachable("reset", model="m"))) == "answer"


@pytest.mark.parametrize(("attempts", "made"), [(1, 1), (2, 2), (5, 5)])
async def test_no_more_attempts_than_the_policy_says(attempt, attempts, made):
    dead = Dead()
    with pytest.raises(DependencyFailed):
        await attempt(dead, attempts=attempts)
    assert len(dead.called_at) == made


async def test_who_objects_is_heard_before_the_pause(attempt, loop_clock, events):
    with pytest.raises(DependencyFailed):
        await attempt(Dead(), allowed=lambda: False)
    assert loop_clock.monotonic() == 0
    assert not events


async def test_and_after_it(attempt, loop_clock):
    dependency = Dependency(DependencyFailed("first"))
    with pytest.raises(DependencyFailed, match="first"):
        await attempt(dependency, allowed=lambda: loop_clock.monotonic() < 0.01)
    assert len(dependency.called_at) == 1


async def test_cancellation_ends_it(attempt):
    dependency = Dependency(DependencyFailed("x"), takes_s=1.0)
    task = asyncio.create_task(attempt(dependency))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(dependency.called_at) == 1


# --- backoff -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("attempt_number", "bound_s"), [(1, 0.05), (2, 0.1), (4, 0.4), (6, 1.0), (900, 1.0)])
def test_full_jitter_is_uniform_up_to_the_doubled_bound(attempt_number, bound_s):
    rng = random.Random(5)
    delays = [RetryPolicy().delay_s(attempt_number, rng.random) for _ in range(4_000)]
    assert 0 <= min(delays) < 0.01 * bound_s
    assert 0.99 * bound_s < max(delays) <= bound_s
    assert sum(delays) / len(delays) == pytest.approx(bound_s / 2, rel=0.05)


async def test_the_pause_that_the_dependency_asks_for_comes_first(attempt):
    dependency = Dependency(DependencyFailed("429").after(3))
    assert await attempt(dependency) == "answer"
    assert dependency.called_at == pytest.approx([0, 3.05])


async def test_a_pause_that_does_not_fit_the_deadline_ends_it_at_once(attempt, loop_clock):
    dependency = Dependency(DependencyFailed("429").after(3))
    with pytest.raises(DependencyFailed):
        await attempt(dependency, deadline_s=3)
    assert loop_clock.monotonic() == 0


# --- deadline ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deadline_s", [0.01, 0.2, 1.0, 7.0])
async def test_nothing_starts_or_sleeps_past_the_deadline(attempt, loop_clock, deadline_s):
    dead = Dead()
    with pytest.raises(DependencyFailed):
        await attempt(dead, deadline_s=deadline_s, attempts=100)
    assert max(dead.called_at) < deadline_s
    assert loop_clock.monotonic() < deadline_s


async def test_no_first_attempt_after_the_deadline(attempt):
    dependency = Dependency()
    with pytest.raises(Overloaded):
        await attempt(dependency, deadline_s=0)
    assert dependency.called_at == []


async def test_no_attempt_when_the_pause_took_too_long_and_the_failure_is_told(attempt):
    async def oversleep(seconds):
        await asyncio.sleep(seconds + 10)

    dependency = Dependency(DependencyFailed("x"))
    with pytest.raises(DependencyFailed, match="x"):
        await attempt(dependency, deadline_s=5, sleep=oversleep)
    assert len(dependency.called_at) == 1


# --- budget ------------------------------------------------------------------------------------------------------


async def outage(attempt, budget, requests, rps):
    """Attempts per request while everything fails."""
    dead = Dead()

    async def request(at_s):
        await asyncio.sleep(at_s)
        with pytest.raises(DependencyFailed):
            await attempt(dead, deadline_s=10_000, budget=budget)

    await asyncio.gather(*(request(i / rps) for i in range(requests)))
    return len(dead.called_at) / requests


@pytest.mark.parametrize(("requests", "rps"), [(100, 20), (1_000, 1), (1_000, 20), (2_000, 500)])
async def test_total_failure_costs_at_most_a_tenth_more(attempt, loop_clock, requests, rps):
    assert await outage(attempt, RetryBudget(loop_clock), requests, rps) <= 1.10


async def test_without_a_budget_total_failure_triples_the_load(attempt, loop_clock):
    unlimited = RetryBudget(loop_clock, max_tokens=math.inf)
    assert await outage(attempt, unlimited, 1_000, 20) == 3.0


async def test_an_empty_budget_is_told_and_fails_fast(attempt, loop_clock, events):
    budget = RetryBudget(loop_clock, max_tokens=0)
    with pytest.raises(DependencyFailed):
        await attempt(Dead(), budget=budget)
    assert events == [RetryBudgetExhausted("index:0")]
    assert loop_clock.monotonic() == 0


def test_a_budget_earns_by_success_and_by_time(clock):
    budget = RetryBudget(clock, per_success=0.5, per_s=0.25, max_tokens=2)
    assert [budget.withdraw() for _ in range(3)] == [True, True, False]
    budget.deposit()
    assert not budget.withdraw()
    budget.deposit()
    assert budget.withdraw()
    clock.advance(4)
    assert budget.withdraw()
    clock.advance(1_000)
    assert budget.tokens == 2


async def test_success_pays_for_retries_at_its_rate(attempt, loop_clock):
    """One call in ten fails once: all are answered, out of what the other nine earn."""
    budget = RetryBudget(loop_clock, per_s=0)
    for i in range(1_000):
        errors = [DependencyFailed("blip")] if i % 10 == 9 else []
        assert await attempt(Dependency(*errors), budget=budget) == "answer"
    assert budget.tokens > 5
