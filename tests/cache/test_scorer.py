from dataclasses import replace

import numpy as np
import pytest

from cache.features import NAMES
from cache.scorer import Forest, Scorer, default_scorer

RNG = np.random.default_rng(0)


def stump(feature, limit, low, high):
    """One tree with one split."""
    arrays = ([[feature, 0, 0]], [[limit, np.inf, np.inf]], [[1, 1, 2]], [[2, 1, 2]], [[0.0, low, high]])
    kinds = (np.int32, np.float32, np.int32, np.int32, np.float32)
    return Forest(*(np.array(values, kind) for values, kind in zip(arrays, kinds, strict=True)), depth=1)


@pytest.fixture
def scorer():
    return Scorer(
        embedder="tiny",
        threshold=0.7,
        weights=RNG.normal(size=len(NAMES)).astype(np.float32),
        bias=0.25,
        overrules=frozenset(("words",)),
        forest=stump(len(NAMES), 0.5, -1.0, 2.0),
        projection=np.array([[1.0, 0.0]], np.float32),
        calibration=(2.0, -0.5),
        trained_on="nothing",
    )


def test_a_tree_sends_each_row_to_its_leaf():
    assert stump(1, 0.5, -1.0, 2.0)(np.array([[9, 0.5], [9, 0.6]], np.float32)).tolist() == [-1.0, 2.0]


def test_linear_part_and_forest_add_up_before_the_calibration(scorer):
    features = RNG.normal(size=(3, len(NAMES))).astype(np.float32)
    sums = np.array([[0.2, 0.0], [0.9, 0.0], [0.2, 5.0]], np.float32)
    score = features @ scorer.weights + 0.25 + np.array([-1.0, 2.0, -1.0])
    expected = 1 / (1 + np.exp(-(2.0 * score - 0.5)))
    assert scorer.probabilities(features, sums) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("forest", [True, False])
def test_weights_come_back_as_they_were_saved(scorer, tmp_path, forest):
    scorer = scorer if forest else replace(scorer, forest=None)
    scorer.save(tmp_path / "weights")
    loaded = Scorer.load(tmp_path / "weights")
    features, sums = np.ones((2, len(NAMES)), np.float32), np.ones((2, 2), np.float32)
    assert loaded.probabilities(features, sums).tolist() == scorer.probabilities(features, sums).tolist()
    names = ("embedder", "threshold", "overrules", "calibration", "trained_on")
    assert all(getattr(loaded, name) == getattr(scorer, name) for name in names)


def test_another_file_is_refused(tmp_path):
    (tmp_path / "text").write_text("hello")
    for name in ("text", "absent"):
        with pytest.raises(ValueError, match="holds no weights"):
            Scorer.load(tmp_path / name)


def test_weights_for_other_features_are_refused(scorer, tmp_path, monkeypatch):
    scorer.save(tmp_path / "weights")
    monkeypatch.setattr("cache.scorer.NAMES", NAMES[:-1])
    with pytest.raises(ValueError, match="train it again"):
        Scorer.load(tmp_path / "weights")


def test_the_shipped_weights_rise_with_the_cosine():
    scorer = default_scorer()
    features = np.zeros((3, len(NAMES)), np.float32)
    features[:, 0] = (0.5, 0.9, 0.95)
    low, middle, high = scorer.probabilities(features, np.zeros((3, 384), np.float32))
    assert low < middle < scorer.threshold < high
    assert scorer.embedder == "all-MiniLM-L6-v2"
    assert not scorer.overrules
