from dataclasses import replace

import numpy as np
import pytest

from router.training import balance, k_means, platt, train
from tests.support.outcomes import made_table


def test_what_the_embedding_tells_is_found(classifier):
    table = made_table(400, seed=5)
    small = classifier.probabilities(table.vectors, table.found)[:, 0]
    assert ((small > 0.5) == (table.quality[:, 0] > 0.5)).mean() > 0.9


def test_probabilities_are_calibrated(classifier):
    table = made_table(2000, seed=6)
    chances = classifier.probabilities(table.vectors, table.found)
    assert chances.mean(axis=0) == pytest.approx(table.quality.mean(axis=0), abs=0.05)


def test_the_same_seed_gives_the_same_weights():
    one, other = (train(made_table(200), embedder="tiny", seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.weights, other.weights)
    assert one.threshold == other.threshold


def test_progress_ends_at_its_total():
    steps = []
    train(made_table(200), embedder="tiny", watch=lambda done, total: steps.append((done, total)))
    assert steps[-1][0] == steps[-1][1]
    assert steps == sorted(steps)


def test_too_few_outcomes_are_refused():
    with pytest.raises(ValueError, match="too few"):
        train(made_table(50), embedder="tiny")


@pytest.mark.parametrize(("column", "name"), [(0, "small"), (1, "large")])
def test_a_model_that_is_always_right_teaches_nothing(column, name):
    table = made_table(200)
    quality = table.quality.copy()
    quality[:, column] = 1.0
    with pytest.raises(ValueError, match=f"every outcome of the {name} model"):
        train(replace(table, quality=quality), embedder="tiny")


def test_a_small_source_weighs_more_per_question_and_less_in_all():
    weights = balance(np.array(["a"] * 100 + ["b"] * 900))
    assert weights.mean() == pytest.approx(1.0)
    assert weights[0] > weights[-1]
    assert weights[:100].sum() < weights[100:].sum()


def test_platt_finds_slope_and_offset():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=20_000)
    happened = rng.random(20_000) < 1 / (1 + np.exp(-(2 * scores - 1)))
    assert platt(scores, happened.astype(float)) == pytest.approx((2.0, -1.0), abs=0.1)


def test_platt_never_turns_an_order_around():
    scores = np.linspace(-1, 1, 100)
    assert platt(scores, (scores < 0).astype(float))[0] == 0.0


def test_k_means_finds_groups():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(place, 0.1, size=(50, 2)) for place in (0.0, 5.0)])
    assert sorted(k_means(points, 2, rng)[:, 0]) == pytest.approx([0.0, 5.0], abs=0.1)


def test_taking_rows_keeps_them_together():
    table = made_table(10)
    part = table.take(np.array([3, 5]))
    assert (len(part), part.questions.tolist()) == (2, [table.questions[3], table.questions[5]])
    np.testing.assert_array_equal(part.quality, table.quality[[3, 5]])
