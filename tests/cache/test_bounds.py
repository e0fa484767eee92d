import pytest

from cache.bounds import at_least, at_most, reaches


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Clopper and Pearson's bounds as quantiles of the beta distribution, by another program
    [(0, 10, 0.0, 0.258866), (10, 10, 0.741134, 1.0), (95, 100, 0.897746, 0.980094), (950, 1000, 0.937137, 0.960836)],
)
def test_bounds(successes, trials, low, high):
    assert at_least(successes, trials) == pytest.approx(low, abs=1e-6)
    assert at_most(successes, trials) == pytest.approx(high, abs=1e-6)


def test_nothing_tried_says_nothing():
    assert (at_least(0, 0), at_most(0, 0)) == (0.0, 1.0)


def test_more_confidence_is_a_wider_bound():
    assert at_least(90, 100, confidence=0.99) < at_least(90, 100, confidence=0.95) < 0.9


@pytest.mark.parametrize(("successes", "trials"), [(1, 1), (3, 4000), (59, 59), (9_900, 10_000), (500_000, 1_000_000)])
def test_reaching_a_chance_is_to_have_the_bound_above_it(successes, trials):
    bound = at_least(successes, trials)
    assert reaches(successes, trials, bound - 1e-9)
    assert not reaches(successes, trials, bound + 1e-9)


def test_without_successes_nothing_is_reached():
    assert not reaches(0, 10, 0.0)
