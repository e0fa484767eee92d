import numpy as np
import pytest

from chaos.analysis.requests import Requests
from chaos.analysis.timeline import FULL, MOST_STRETCHES, OTHERS, timeline
from evals.load.records import Record
from tests.support.chaos_results import Story, rows

STORY = Story(lost=5, refused=7)
LINE = timeline(Requests.of(rows(STORY)), STORY.end_s, STORY.deadline_s, (50, 95))


def test_every_request_is_in_one_stretch():
    width_s = LINE.edges[1]
    assert LINE.asked_rps.sum() * width_s == len(rows(STORY))
    assert LINE.failed_rps.sum() * width_s == 5
    assert LINE.refused_rps.sum() * width_s == 7
    assert LINE.edges[-1] >= STORY.end_s
    assert len(LINE.middles) == len(LINE.asked_rps)


@pytest.mark.parametrize(("end_s", "width_s"), [(110, 1), (151, 2), (600, 5), (90_000, 90_000)])
def test_stretches_are_as_short_as_can_be_seen(end_s, width_s):
    line = timeline(Requests.of([]), end_s, 5.0, (50,))
    assert line.edges[1] == width_s
    assert len(line.edges) - 1 <= MOST_STRETCHES


def test_percentiles_of_each_stretch():
    during = LINE.percentiles_ms[50][int(STORY.on_s)]
    before = LINE.percentiles_ms[50][int(STORY.on_s) - 5]
    assert during > 500
    assert before == pytest.approx(40, rel=0.4)


def test_shares_of_the_rungs_add_up():
    assert list(LINE.rungs) == [FULL, "dense-unavailable"]
    assert np.allclose(sum(LINE.rungs.values()), 1)


def test_a_stretch_without_answers_has_neither_percentile_nor_rung():
    line = timeline(Requests.of([Record("r", 2.5, 0.0, 0.1).row()]), 5.0, 1.0, (50,))
    assert np.isnan(line.percentiles_ms[50]).tolist() == [True, True, False, True, True]
    assert line.rungs[FULL].tolist() == [0, 0, 1, 0, 0]


def test_seldom_rungs_are_taken_together():
    labels = [f"shards:{n}/9" for n in range(8) for _ in range(n + 1)]
    made = [Record(str(n), 0.5, 0.0, 0.1, degraded=[label]).row() for n, label in enumerate(labels)]
    rungs = timeline(Requests.of(made), 1.0, 1.0, (50,)).rungs
    assert list(rungs) == [FULL, "shards:7/9", "shards:6/9", "shards:5/9", "shards:4/9", OTHERS]
    assert rungs[OTHERS][0] == pytest.approx((1 + 2 + 3 + 4) / 36)
