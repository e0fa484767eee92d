from dataclasses import replace

import numpy as np
import pytest

from cache.bounds import at_least
from cache.features import NAMES
from cache.question import parse
from cache.scorer import Scorer
from cache.training import (
    _TREES,
    Labelled,
    Table,
    _directions,
    _export,
    calibration_error,
    pick_threshold,
    platt,
    sigmoid,
    tabulate,
    train,
)

pytest.importorskip("sklearn")


def table(n=1200, seed=0, noise=0.1):
    """Pairs whose label is their cosine, more or less."""
    rng = np.random.default_rng(seed)
    features = rng.random((n, len(NAMES))).astype(np.float32)
    same = features[:, 0] + rng.normal(0, noise, n) > 0.6
    return Table(features, rng.normal(size=(n, 16)).astype(np.float32), same, np.zeros(n, bool))


@pytest.fixture(scope="module", autouse=True)
def _few_trees():
    """Enough for one feature."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_TREES, "max_iter", 30)
        yield


@pytest.fixture(scope="module")
def trained(_few_trees):
    return train(table(), embedder="tiny", target_precision=0.8, seed=0)


def test_what_is_served_reaches_the_target_on_pairs_it_has_not_seen(trained):
    fresh = table(seed=1)
    probability = trained.scorer.probabilities(fresh.features, fresh.sums)
    served = probability >= trained.threshold
    assert trained.precision_lower95 >= 0.8
    assert fresh.same[served].mean() >= 0.8
    assert fresh.same[served].sum() / fresh.same.sum() == pytest.approx(trained.recall, abs=0.1)
    assert calibration_error(probability.astype(np.float64), fresh.same) < 0.07


def test_the_arrays_say_what_the_library_says(trained):
    from sklearn.ensemble import HistGradientBoostingClassifier

    data = table()
    rows = np.hstack([data.features, data.sums @ _directions(data.sums).T])
    model = HistGradientBoostingClassifier(**_TREES, random_state=0).fit(rows, data.same)
    raw = model.decision_function(rows)
    ours = _export(model)(rows)
    assert np.ptp(raw - ours) < 1e-4


def test_the_same_seed_gives_the_same_scorer(trained):
    again = train(table(), embedder="tiny", target_precision=0.8, seed=0)
    fresh = table(seed=2)
    assert again.threshold == trained.threshold
    one, other = (each.scorer.probabilities(fresh.features, fresh.sums) for each in (trained, again))
    assert one.tolist() == other.tolist()


def test_the_scorer_survives_its_file(trained, tmp_path):
    trained.scorer.save(tmp_path / "s.npz")
    fresh = table(seed=3)
    loaded = Scorer.load(tmp_path / "s.npz").probabilities(fresh.features, fresh.sums)
    assert loaded.tolist() == trained.scorer.probabilities(fresh.features, fresh.sums).tolist()


def test_a_target_out_of_reach_serves_nothing():
    hopeless = table(400, noise=5.0)
    trained = train(hopeless, embedder="tiny", target_precision=0.99, seed=0)
    assert (trained.precision, trained.recall) == (None, 0.0)
    assert trained.threshold > 1


@pytest.mark.parametrize(("n", "same"), [(50, None), (300, True), (300, False)])
def test_too_little_to_learn_from(n, same):
    bad = table(n) if same is None else replace(table(n), same=np.full(n, same))
    with pytest.raises(ValueError, match="pairs of both labels"):
        train(bad, embedder="tiny", target_precision=0.9, seed=0)


def test_the_threshold_is_the_lowest_whose_bound_reaches_the_target():
    rng = np.random.default_rng(0)
    probability = rng.random(2000)
    same = rng.random(2000) < probability
    threshold = pick_threshold(probability, same, 0.9)
    served = probability >= threshold
    assert at_least(int(same[served].sum()), int(served.sum())) >= 0.9
    lower = [t for t in np.sort(probability) if t < threshold]
    assert all(at_least(int(same[probability >= t].sum()), int((probability >= t).sum())) < 0.9 for t in lower[::50])


def test_a_vetoed_pair_is_never_above_the_threshold():
    probability = np.array([-1.0] * 100 + [0.5] * 100)
    same = np.ones(200, bool)
    assert pick_threshold(probability, same, 0.9) == 0.5


def test_equal_probabilities_are_served_together():
    assert pick_threshold(np.full(100, 0.5), np.arange(100) < 50, 0.9) > 1


def test_platt_finds_the_curve_that_made_the_labels():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=20_000)
    slope, offset = platt(scores, rng.random(20_000) < sigmoid(2.0 * scores - 1.0))
    assert (slope, offset) == (pytest.approx(2.0, abs=0.1), pytest.approx(-1.0, abs=0.1))


def test_calibration_error_of_the_known():
    assert calibration_error(np.array([0.25] * 4), np.array([True, False, False, False])) == pytest.approx(0.0)
    assert calibration_error(np.array([0.95] * 4), np.zeros(4, bool)) == pytest.approx(0.95)


def test_a_table_is_laid_out_in_order():
    vector = np.eye(4, dtype=np.float32)
    pairs = [
        Labelled(parse("Who sings?"), parse("Who sings?"), vector[0], vector[0], True),
        Labelled(parse("Who sings in 2001?"), parse("Who sings in 2002?"), vector[0], vector[1], False),
    ]
    laid = tabulate(pairs)
    assert laid.features[:, 0].tolist() == [1.0, 0.0]
    assert laid.sums.tolist() == [[2, 0, 0, 0], [1, 1, 0, 0]]
    assert (laid.same.tolist(), laid.vetoed.tolist()) == ([True, False], [False, True])
