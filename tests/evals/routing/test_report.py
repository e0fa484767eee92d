import numpy as np
import pytest

from evals.routing.judging import Judged
from evals.routing.report import has_gap, summarise


def judged(quality, gain, threshold=0.0):
    n = len(gain)
    return Judged(
        small=quality[:, 0] * 0.8 + 0.1,
        gain=gain,
        quality=quality,
        length=np.ones(n),
        sources=np.array(["s"] * n),
        seen=np.zeros(n, bool),
        threshold=threshold,
        far=np.zeros(n, bool),
    )


@pytest.fixture
def quality():
    rng = np.random.default_rng(0)
    return np.stack([rng.random(400) < 0.6, rng.random(400) < 0.9], axis=1).astype(float)


def test_the_keys_of_the_contract(quality):
    figures = summarise([judged(quality, quality[:, 1] - quality[:, 0])])["s"]
    assert {"n", "small_quality", "large_quality", "apgr", "apgr_ci95", "cpt50", "cpt80", "baselines"} <= figures.keys()
    assert figures["baselines"]["shuffle"] == pytest.approx(0.5, abs=0.02)
    assert figures["baselines"]["length"] == pytest.approx(0.5)
    assert figures["apgr_ci95"][0] < figures["apgr"] < figures["apgr_ci95"][1]
    assert figures["above_shuffle_ci95"][0] > 0


def test_chance_is_not_above_the_shuffle(quality):
    figures = summarise([judged(quality, np.random.default_rng(1).random(400))])["s"]
    low, high = figures["above_shuffle_ci95"]
    assert low < 0 < high


def test_the_operating_point_is_measured(quality):
    point = summarise([judged(quality, quality[:, 1] - quality[:, 0], threshold=0.5)])["s"]["at_threshold"]
    needed = (quality[:, 1] > quality[:, 0]).mean()
    assert point["share_large"] == pytest.approx(needed)
    assert point["quality"] == pytest.approx(quality.max(axis=1).mean())
    assert point["quality"] > point["shuffle_quality"]


def test_without_a_gap_there_is_no_figure(quality):
    figures = summarise([judged(quality[:, ::-1], np.zeros(400))])["s"]
    assert not has_gap(quality[:, ::-1])
    assert (figures["apgr"], figures["cpt50"], figures["baselines"]["shuffle"]) == (None, None, None)
    assert figures["n"] == 400
