import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import CannotMeasure
from evals.load.arrivals import Segment, constant, poisson, ramp, replay, spread, step, varying

rates = st.floats(0, 1000)


def test_constant_is_evenly_spaced_from_zero():
    assert list(constant(4, 1.5)) == pytest.approx([0, 0.25, 0.5, 0.75, 1.0, 1.25])


def test_poisson_gaps_are_exponential():
    rate, times = 200.0, list(poisson(200.0, 100.0, seed=7))
    gaps = sorted(b - a for a, b in itertools.pairwise(times))
    n = len(gaps)
    # Kolmogorov-Smirnov at 1 %: the largest distance of the sample from 1 - exp(-rate * gap).
    distance = max(abs((i + 1) / n - (1 - math.exp(-rate * gap))) for i, gap in enumerate(gaps))
    assert distance < 1.63 / math.sqrt(n)
    assert n == pytest.approx(20_000, abs=4 * math.sqrt(20_000))


def test_the_seed_decides():
    assert list(poisson(50, 10, seed=1)) == list(poisson(50, 10, seed=1))
    assert list(poisson(50, 10, seed=1)) != list(poisson(50, 10, seed=2))


def test_step_changes_the_rate_half_way():
    times = list(step(100, 1000, 20, seed=3))
    before = sum(t < 10 for t in times)
    assert before == pytest.approx(1000, abs=4 * math.sqrt(1000))
    assert len(times) - before == pytest.approx(10_000, abs=4 * math.sqrt(10_000))


def test_ramp_from_zero_sends_a_quarter_in_its_first_half():
    times = list(ramp(0, 1000, 20, seed=3))
    assert len(times) == pytest.approx(10_000, abs=400)
    assert sum(t < 10 for t in times) == pytest.approx(2500, abs=200)


@given(st.lists(st.tuples(st.floats(0.1, 5), rates, rates), min_size=1, max_size=4), st.integers())
def test_times_rise_and_stay_within_the_segments(parts, seed):
    segments = [Segment(duration, low + 0.1, high) for duration, low, high in parts]
    times = list(varying(segments, seed))
    assert times == sorted(times)
    assert all(0 <= t <= sum(segment.duration_s for segment in segments) * (1 + 1e-9) for t in times)


@given(st.floats(0.1, 100), rates, rates, st.floats(0, 0.999))
def test_when_inverts_the_cumulative_rate(duration, low, high, fraction):
    segment = Segment(duration, low + 0.01, high)
    n = fraction * segment.expected
    t = segment.when(n)
    slope = (segment.to_rps - segment.from_rps) / duration
    assert segment.from_rps * t + slope * t * t / 2 == pytest.approx(n, rel=1e-6, abs=1e-6)


def test_times_of_one_tick_are_spread_up_to_the_next():
    assert list(spread([0.0, 0.0, 0.0, 3.0, 6.0, 6.0])) == [0.0, 1.0, 2.0, 3.0, 6.0, 6.0]


def test_replay_starts_at_the_first_time_and_is_sped_up():
    assert list(replay([5.0, 7.0, 11.0], speed=2)) == [0.0, 1.0, 3.0]
    assert list(replay([5.0], speed=2)) == [0.0]


@pytest.mark.parametrize(
    "segment", [(0, 1, 1), (-1, 1, 1), (1, -1, 3), (1, 0, 0), (math.nan, 1, 1), (1, math.inf, 1), (1, math.nan, 1)]
)
def test_impossible_rates_are_refused(segment):
    with pytest.raises(CannotMeasure):
        Segment(*segment)


@pytest.mark.parametrize("speed", [0, -1, math.nan])
def test_impossible_speeds_are_refused(speed):
    with pytest.raises(CannotMeasure):
        replay([0.0], speed)
