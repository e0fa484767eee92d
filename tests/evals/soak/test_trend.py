import numpy as np
import pytest

from evals.soak.trend import grows, trend

MINUTES = [n / 2 for n in range(60)]


def test_a_rise_is_found_in_noise_and_past_outliers():
    noise = np.random.default_rng(1).normal(0, 3, 60)
    values = [500 + at * 2 + extra for at, extra in zip(MINUTES, noise, strict=True)]
    values[40] = 5_000.0
    found = trend(MINUTES, values, 0.25)
    assert found["slope_per_hour"] == pytest.approx(120, rel=0.1)
    assert found["ci95"][0] < 120 < found["ci95"][1]
    assert found["from_minute"] == 7.5
    assert found["growth"] == pytest.approx(2 * 22 / found["level"], rel=0.1)
    assert grows(found, 0.05)
    assert not grows(found, 0.2)


def test_noise_alone_does_not_grow():
    values = [500 + extra for extra in np.random.default_rng(2).normal(0, 50, 60)]
    assert not grows(trend(MINUTES, values, 0.25), 0.0)


def test_what_grows_while_warming_up_is_forgiven():
    values = [min(at, 6.0) for at in MINUTES]
    assert trend(MINUTES, values, 0.25)["slope_per_hour"] == 0.0


@pytest.mark.parametrize("n", [0, 7])
def test_too_few_values_have_no_trend(n):
    assert trend(MINUTES[:n], MINUTES[:n], 0.0) is None


def test_a_level_of_nothing_has_no_growth():
    assert trend(MINUTES, [0.0] * 60, 0.0)["growth"] == 0.0
