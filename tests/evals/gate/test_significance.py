import numpy as np
import pytest

from evals.gate.significance import FLIPS, judge_losses

QUERIES, REPEATS, ALPHA, FEW_FLIPS = 700, 200, 0.01, 999


def ps(differences, seed=0):
    return [test.p for test in judge_losses(np.array(differences, float), seed)]


def test_few_differences_have_the_chance_that_counting_gives():
    (p,) = ps([[-1.0], [-1.0], [-1.0]])
    assert p == pytest.approx(1 / 8, abs=0.01)


def test_a_gain_is_no_loss():
    assert ps([[1.0]] * 10) == [1.0]


def test_nothing_differs():
    assert ps(np.zeros((50, 2))) == [1.0, 1.0]


def test_what_cannot_be_compared_counts_for_nothing():
    with_gaps = [[-1.0, np.nan], [-1.0, np.nan], [np.nan, np.nan], [-1.0, np.nan]]
    assert ps(with_gaps) == pytest.approx([1 / 8, 1.0], abs=0.01)


def test_a_clear_loss_has_the_least_chance_there_is():
    assert ps([[-1.0]] * 100) == [1 / (FLIPS + 1)]


def test_adjusting_counts_measures_that_say_something_of_their_own():
    rng = np.random.default_rng(0)
    one = rng.normal(-0.15, 1, size=(200, 1))
    apart = judge_losses(np.hstack([one, rng.normal(size=(200, 9))]))[0]
    copies = judge_losses(np.hstack([one] * 10))[0]
    assert copies.p_adjusted == pytest.approx(copies.p)
    assert apart.p_adjusted > 3 * apart.p


def test_the_same_seed_gives_the_same_chance():
    differences = np.random.default_rng(3).normal(size=(40, 3))
    assert judge_losses(differences, 5) == judge_losses(differences, 5)


def runs(rng):
    """Per-query values as on SQuAD, most at 1, of four correlated measures; and runs that differ from it by chance."""
    hard = rng.random(QUERIES)[:, None]
    values = np.where(hard < 0.8, 1.0, rng.choice([0.0, 0.39, 0.5, 0.63], size=(QUERIES, 4)))
    return values, lambda: np.clip(values + 0.08 * rng.normal(size=values.shape), 0, 1)


def stopped(differences, seed):
    return [test.p_adjusted <= ALPHA for test in judge_losses(differences, seed, FEW_FLIPS)]


def test_a_loss_of_two_points_is_caught_through_the_noise():
    """2 nDCG points: of 5.4 % of the queries the right passage falls from the first place to the second."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        values, run = runs(rng)
        candidate = run()
        fallen = rng.choice(np.flatnonzero(values[:, 0] == 1), size=round(0.02 / 0.37 * QUERIES), replace=False)
        candidate[fallen, 0] -= 0.37
        assert stopped(candidate - run(), seed)[0]


def test_false_alarms_are_as_rare_as_promised():
    alarms = 0
    for seed in range(REPEATS):
        _, run = runs(np.random.default_rng(1_000 + seed))
        alarms += any(stopped(run() - run(), seed))
    assert alarms / REPEATS <= 0.05
