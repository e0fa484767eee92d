import numpy as np
import pytest

from router.calibration import ALL_LARGE, NONE_LARGE, affordable_share, calibrate, for_quality, for_share

GAINS = np.array([0.9, 0.7, 0.5, 0.3])
#: The large model is always right, the small one on the last two.
QUALITY = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]])


@pytest.mark.parametrize(("target", "threshold"), [(0.5, NONE_LARGE), (0.75, 0.8), (1.0, 0.6)])
def test_the_large_model_is_asked_as_seldom_as_the_quality_allows(target, threshold):
    assert for_quality(target)(GAINS, QUALITY) == pytest.approx(threshold)


def test_what_only_the_large_model_reaches_sends_all_there():
    quality = np.array([[0.0, 1.0]] * 4)
    assert for_quality(1.0)(GAINS, quality) == ALL_LARGE


@pytest.mark.parametrize(("share", "threshold"), [(0.0, NONE_LARGE), (0.3, 0.8), (0.5, 0.6), (1.0, ALL_LARGE)])
def test_a_share_is_not_exceeded(share, threshold):
    assert for_share(share)(GAINS, QUALITY) == pytest.approx(threshold)


def test_equal_gains_go_together():
    assert for_share(0.5)(np.array([0.9, 0.5, 0.5, 0.5]), QUALITY) == pytest.approx(0.7)


def test_a_budget_is_a_share():
    assert affordable_share(4.0, price_small=1.0, price_large=10.0) == pytest.approx(1 / 3)
    assert affordable_share(99.0, price_small=1.0, price_large=10.0) == 1.0


@pytest.mark.parametrize(("budget", "small", "large"), [(0.5, 1.0, 10.0), (5.0, 2.0, 2.0)])
def test_a_budget_that_makes_no_sense_is_refused(budget, small, large):
    with pytest.raises(ValueError, match="small"):
        affordable_share(budget, price_small=small, price_large=large)


def test_figures_lie_in_their_intervals():
    rng = np.random.default_rng(1)
    gains = rng.random(2000)
    quality = np.stack([rng.random(2000) > gains, np.ones(2000)], axis=1).astype(float)
    found = calibrate(gains, quality, for_quality(0.9))
    assert found.quality_kept == pytest.approx(0.9, abs=0.002)
    for name in ("threshold", "share_large", "quality", "quality_kept"):
        low, high = getattr(found, f"{name}_ci95")
        assert low < getattr(found, name) < high, name


def test_the_share_holds_on_other_questions():
    rng = np.random.default_rng(2)
    gains, others = rng.normal(size=5000) / 5, rng.normal(size=20_000) / 5
    threshold = for_share(0.3)(gains, np.zeros((5000, 2)))
    assert (others >= threshold).mean() == pytest.approx(0.3, abs=0.03)
