import numpy as np
import pytest

from cache.features import NAMES
from cache.scorer import default_scorer
from cache.training import Table
from evals.cache.shipped import OPERATING_COSINE, calibrated_cosine, shipped_scorer


def test_the_shipped_file_is_what_this_module_makes(model):
    made, shipped = shipped_scorer(model), default_scorer()
    assert made.embedder == shipped.embedder
    # machines with other instruction sets round the int8 model otherwise
    assert made.weights == pytest.approx(shipped.weights, rel=0.05)
    assert made.threshold == pytest.approx(shipped.threshold, abs=0.01)


def test_the_operating_point_is_a_cosine():
    rng = np.random.default_rng(0)
    features = np.zeros((500, len(NAMES)), np.float32)
    features[:, 0] = rng.random(500)
    table = Table(features, np.zeros((500, 2), np.float32), rng.random(500) < features[:, 0], np.zeros(500, bool))
    scorer = calibrated_cosine(table, "tiny")
    asked = np.zeros((1, len(NAMES)), np.float32)
    asked[0, 0] = OPERATING_COSINE
    assert scorer.probabilities(asked, np.zeros((1, 2), np.float32))[0] == pytest.approx(scorer.threshold, abs=1e-5)
