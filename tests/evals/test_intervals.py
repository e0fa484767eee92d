import numpy as np
import pytest

from evals.intervals import mean, resampled_means, share


def test_a_share_has_an_exact_interval():
    found = share(8, 10)
    assert (found["value"], found["n"]) == (0.8, 10)
    assert found["ci95"] == pytest.approx([0.4439, 0.9748], abs=1e-4)  # Clopper and Pearson's for 8 of 10


def test_a_share_of_nothing_is_none():
    assert share(0, 0) == {"value": None, "ci95": None, "n": 0}


def test_a_mean_passes_over_what_was_not_measured():
    found = mean([1.0, None, 0.0, 0.5])
    assert (found["value"], found["n"]) == (0.5, 3)
    assert found["ci95"][0] < 0.5 < found["ci95"][1]
    assert mean([None]) == {"value": None, "ci95": None, "n": 0}


def test_the_interval_of_a_mean_is_as_wide_as_theory_says():
    values = np.random.default_rng(1).normal(size=400)
    low, high = mean(values.tolist())["ci95"]
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_many_values_are_resampled_in_parts_to_the_same_number():
    assert len(resampled_means(np.ones(3_000))) == len(resampled_means(np.ones(3))) == 2_000
