import numpy as np
import pytest

from evals.cache.judging import Judged
from evals.cache.report import policy, recall_at, summarise


@pytest.fixture
def judged():
    return Judged(
        same=np.array([True, True, False, False]),
        kinds=("paraphrase", "paraphrase", "antonym", ""),
        cosine=np.array([0.96, 0.85, 0.97, 0.1]),
        probability=np.array([0.9, 0.8, 0.7, 0.1]),
        vetoed=np.array([False, False, True, False]),
        served=np.array([True, False, False, False]),
        decision_s=np.array([0.001, 0.001, 0.002, 0.001]),
    )


def test_the_keys_of_the_contract(judged):
    summary = summarise(judged)
    assert summary["n"] == 4
    assert set(summary["policies"]) == {"product", "cosine@0.80", "cosine@0.90", "cosine@0.95"}
    for figures in summary["policies"].values():
        assert {"precision", "recall", "false_hit_rate", "false_hit_upper95"} <= set(figures)
    for name in ("product", "cosine"):
        assert set(summary["recall_at_precision"][name]) == {"0.90", "0.95", "0.98"}
    assert summary["decision_p50_ms"] == pytest.approx(1.0)


def test_the_figures(judged):
    summary = summarise(judged)
    assert summary["policies"]["product"]["precision"] == 1.0
    assert summary["policies"]["product"]["recall"] == 0.5
    assert summary["policies"]["cosine@0.95"]["precision"] == 0.5
    assert summary["policies"]["cosine@0.95"]["false_hit_rate"] == 0.5
    assert summary["recall_at_precision"]["product"]["0.98"] == 1.0
    assert summary["recall_at_precision"]["cosine"]["0.98"] == 0.0
    assert summary["by_kind"]["paraphrase"]["served"]["product"] == 0.5
    assert summary["by_kind"]["antonym"] == {
        "n": 1,
        "n_same": 0,
        "served": {"product": 0.0, "cosine@0.80": 1.0, "cosine@0.90": 1.0, "cosine@0.95": 1.0},
    }


def test_who_serves_nothing_has_no_precision():
    figures = policy(np.zeros(3, bool), np.array([True, False, False]))
    assert (figures["precision"], figures["recall"], figures["precision_ci95"]) == (None, 0.0, [0.0, 1.0])
    assert 0.7 < figures["false_hit_upper95"] < 0.8


def test_pairs_of_equal_score_are_served_together():
    assert recall_at(np.array([0.5, 0.5]), np.array([True, False]), 0.9) == 0.0
