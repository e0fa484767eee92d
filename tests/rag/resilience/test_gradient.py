import math
import random
import statistics

import pytest

from rag.errors import ConfigError
from rag.resilience.gradient import GradientConfig, GradientLimit, Mean
from rag.resilience.limiter import AdaptiveLimiter, LimiterConfig
from tests.support.queueing import Server, offer


def call(limit, latency_s, **outcome):
    """One more call, while the limit's other places are taken."""
    limit.enter()
    limit.leave(latency_s, **outcome)


def fill(limit):
    """Take every place; one caller finds none."""
    while limit.in_flight < limit.limit:
        limit.enter()
    limit.saturate()


def settle(limit, latency_of, turnovers=400):
    """Keep the limit full; the longest in flight ends with the latency of that many in flight."""
    seen = []
    for _ in range(turnovers):
        fill(limit)
        limit.leave(latency_of(limit.in_flight))
        seen.append(limit.full)
    return seen


def queueing(capacity, service_s=0.1):
    """Latency at a server that serves `capacity` calls at once (Little's law)."""
    return lambda in_flight: service_s * max(1.0, in_flight / capacity)


# --- the mean ----------------------------------------------------------------------------------------------------


def test_a_mean_knows_its_error():
    rng, mean = random.Random(1), Mean()
    values = [rng.lognormvariate(0, 1) for _ in range(500)]
    for value in values:
        mean.add(value)
    assert mean.value == pytest.approx(statistics.fmean(values))
    assert mean.error == pytest.approx(statistics.pstdev(values) / math.sqrt(500) / mean.value)


def test_a_mean_of_nothing_or_of_equal_values_has_no_error():
    mean = Mean()
    assert (mean.value, mean.error) == (0, 0)
    for value in (0.0, 0.0):
        mean.add(value)
    assert (mean.value, mean.error) == (0, 0)
    equal = Mean()
    for _ in range(1_000):
        equal.add(0.1)
    assert equal.error == pytest.approx(0, abs=1e-6)


# --- the limit ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("capacity", [1, 4, 8, 20, 100])
@pytest.mark.parametrize("initial", [1, 10, 60])
def test_the_limit_comes_to_rest_at_the_capacity(capacity, initial):
    limit = GradientLimit(GradientConfig(initial_limit=initial))
    rest = settle(limit, queueing(capacity), turnovers=12_000)[-4_000:]
    assert capacity - 1 <= statistics.fmean(rest) <= 1.25 * capacity + 1
    assert min(rest) >= 0.7 * capacity


def test_the_limit_stays_within_its_bounds():
    config = GradientConfig(min_limit=3, max_limit=12, initial_limit=50)
    assert GradientLimit(config).full == 12
    assert max(settle(GradientLimit(config), queueing(1_000))) == 12
    assert min(settle(GradientLimit(config), queueing(1))) == 3


def test_equal_bounds_make_a_fixed_bulkhead():
    limit = GradientLimit(GradientConfig(min_limit=6, max_limit=6))
    assert set(settle(limit, queueing(2))) == {6}
    assert limit.limit == 6


def test_the_limit_does_not_grow_unused():
    limit = GradientLimit(GradientConfig(initial_limit=10))
    for _ in range(1_000):
        call(limit, 0.1)
    assert limit.full == 10
    assert limit.baseline.value == pytest.approx(0.1)


def test_it_follows_a_dependency_that_becomes_slower():
    """Not load but a slower service: the limit dips, measures the new latency without load, and comes back."""
    limit = GradientLimit(GradientConfig())
    settle(limit, queueing(20), turnovers=4_000)
    rest = settle(limit, queueing(20, service_s=0.3), turnovers=4_000)[-1_000:]
    assert statistics.fmean(rest) == pytest.approx(22, abs=4)


def test_it_follows_a_dependency_that_loses_capacity():
    limit = GradientLimit(GradientConfig())
    settle(limit, queueing(20), turnovers=4_000)
    rest = settle(limit, queueing(5), turnovers=4_000)[-1_000:]
    assert statistics.fmean(rest) < 8


def test_a_timeout_lowers_the_limit_once_a_round():
    limit = GradientLimit(GradientConfig(initial_limit=20))
    for _ in range(10):
        limit.enter()
    limit.leave(overloaded=True)
    assert limit.full == 14
    for _ in range(9):
        limit.leave(overloaded=True)
    assert limit.full == 14, "these ran under the earlier limit"
    call(limit, None, overloaded=True)
    assert limit.full == 9


def test_plain_errors_and_cancellations_teach_nothing():
    limit = GradientLimit(GradientConfig())
    for _ in range(1_000):
        call(limit, None)
    assert (limit.full, limit.latency.count, limit.in_flight) == (10, 0, 0)


def test_calls_of_the_round_before_are_passed_over():
    limit = GradientLimit(GradientConfig(initial_limit=4, min_samples=4))
    for _ in range(4):
        limit.enter()
    limit.saturate()
    for _ in range(4):
        limit.leave(9.0)
    assert limit.latency.count == 0
    for _ in range(4):
        call(limit, 0.1)
    assert limit.latency.value == pytest.approx(0.1)


def test_bounds_that_cannot_hold_are_refused():
    for bounds in ({"min_limit": 0}, {"min_limit": 5, "max_limit": 4}):
        with pytest.raises(ConfigError):
            GradientConfig(**bounds)


@pytest.mark.parametrize("spread", [0.5, 1.0, 1.5])
async def test_scattered_service_times_are_not_taken_for_load(loop_clock, events, spread):
    """Lognormal service times, coefficient of variation up to 1.5, at twice the capacity."""
    rng, sigma = random.Random(7), math.sqrt(math.log(1 + spread**2))
    server = Server(20, lambda: 0.1 * rng.lognormvariate(-(sigma**2) / 2, sigma))
    limiter = AdaptiveLimiter("x", LimiterConfig(), loop_clock, events.append)
    await offer(server, limiter, rng, rps=400, requests=2_000)
    report = await offer(server, limiter, rng, rps=400, requests=8_000)
    assert report.goodput_rps >= 0.85 * 200
