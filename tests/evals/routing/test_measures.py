import numpy as np
import pytest

from evals.routing.measures import apgr, calibration_error, call_share, curve, recovered

#: The small model is wrong on the first two of four questions, the large one on none.
QUALITY = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
BEST = np.array([4.0, 3.0, 2.0, 1.0])


def test_the_curve_goes_from_the_small_model_to_the_large_one():
    shares, means = curve(BEST, QUALITY)
    assert shares.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert means.tolist() == [0.5, 0.75, 1.0, 1.0, 1.0]


def test_equal_scores_go_together():
    shares, means = curve(np.zeros(4), QUALITY)
    assert (shares.tolist(), means.tolist()) == ([0.0, 1.0], [0.5, 1.0])


@pytest.mark.parametrize(("score", "expected"), [(BEST, 0.75), (-BEST, 0.25), (np.zeros(4), 0.5)])
def test_apgr(score, expected):
    assert apgr(score, QUALITY) == pytest.approx(expected)


def test_a_shuffle_is_a_half():
    rng = np.random.default_rng(0)
    quality = np.stack([rng.random(500) < 0.6, rng.random(500) < 0.9], axis=1).astype(float)
    assert np.mean([apgr(rng.random(500), quality) for _ in range(300)]) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("score", "target", "share"), [(BEST, 0.5, 0.25), (BEST, 0.8, 0.4), (-BEST, 0.5, 0.75)])
def test_the_least_share_that_recovers(score, target, share):
    assert call_share(score, QUALITY, target) == pytest.approx(share)


def test_without_a_gap_there_is_nothing_to_recover():
    with pytest.raises(ValueError, match="not the better one"):
        recovered(BEST, QUALITY[:, ::-1])


def test_calibration_error():
    outcome = np.array([0.0, 1.0] * 50)
    assert calibration_error(np.full(100, 0.5), outcome) == pytest.approx(0.0)
    assert calibration_error(np.full(100, 0.9), outcome) == pytest.approx(0.4)
