import numpy as np

from evals.routing.judging import FAR, decision_s, halves, judge, judge_halves
from router.training import train


def test_a_classifier_is_judged_on_what_it_says(table):
    judged = judge(train(table, embedder="tiny"), table)
    assert judged.seen.all()
    assert judged.gain[table.quality[:, 0] == 0].mean() > judged.gain[table.quality[:, 0] == 1].mean()
    assert set(judged.of("a").sources) == {"a"}


def test_what_is_far_goes_before_all_that_has_a_gain(table):
    classifier = train(table, embedder="tiny")
    away = -classifier.known.anchors.mean(axis=0)
    table.vectors[7] = away / np.linalg.norm(away)
    judged = judge(classifier, table)
    assert judged.far[7]
    assert judged.order[7] == FAR
    np.testing.assert_array_equal(judged.order[~judged.far], judged.gain[~judged.far])


def test_halves_are_of_each_source(table):
    inside = halves(table.sources, np.random.default_rng(0))
    assert all(abs(inside[table.sources == name].mean() - 0.5) < 0.01 for name in ("a", "b"))


def test_no_half_is_judged_by_what_was_trained_on_it(table):
    steps = []
    repeats = list(judge_halves(table, embedder="tiny", splits=2, seed=0, watch=lambda *step: steps.append(step)))
    assert steps == [(1, 2), (2, 2)]
    assert not any(each.seen.any() for each in repeats)
    assert not np.array_equal(repeats[0].gain, repeats[1].gain)


def test_decisions_are_timed(table):
    taken = decision_s(train(table, embedder="tiny"), table)
    assert (taken > 0).all()
