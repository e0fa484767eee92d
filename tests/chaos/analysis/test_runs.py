import math

import pytest

from chaos.analysis.figures import analyse
from chaos.analysis.runs import Strength, breaking_point, median, sweep
from tests.support.chaos_results import TARGETS, Story, config, events, rows


def figures(**story):
    told = Story(**{"fault_s": 20, "baseline_s": 20, "quality": None} | story)
    return analyse(rows(told), events(told), config(told), quality={"fault": {"ndcg@10": 0.9}})


def test_one_run_is_itself():
    run = figures()
    assert median([run], TARGETS) == run


def test_three_runs_are_their_medians():
    runs = [figures(seed=seed, back_after_s=back) for seed, back in ((1, 3), (2, 8), (3, 5))]
    merged = median(runs, TARGETS)
    assert merged["recovery_s"] == 5
    assert merged["seed"] == [1, 2, 3]
    assert merged["runs"] == 3
    assert merged["p95_ratio"] == sorted(run["p95_ratio"] for run in runs)[1]
    assert merged["phases"]["fault"]["p95_ms"] == sorted(run["phases"]["fault"]["p95_ms"] for run in runs)[1]
    assert merged["verdict"] == "pass"


def test_one_bad_run_of_three_is_outvoted_but_a_deviation_is_not():
    runs = [figures(seed=1), figures(seed=2), figures(seed=3, back_after_s=math.inf)]
    assert median(runs, TARGETS)["verdict"] == "pass"
    assert median([*runs[:2], {**runs[2], "deviated": True}], TARGETS)["verdict"] == "fail"
    assert median([*runs[:2], {**runs[2], "verdict": "invalid", "reasons": ["late"]}], TARGETS)["reasons"] == ["late"]


@pytest.mark.parametrize(("back", "median_s"), [((3, None, None), math.inf), ((3, 4, None), 4)])
def test_what_never_came_is_infinite(back, median_s):
    run = figures()
    assert median([{**run, "recovery_s": each} for each in back], TARGETS)["recovery_s"] == median_s


def test_a_figure_that_most_runs_lack_is_none():
    run = figures()
    assert median([{**run, "time_to_open_s": each} for each in (1.0, None, None)], TARGETS)["time_to_open_s"] is None
    assert median([{**run, "time_to_open_s": each} for each in (1.0, 3.0, None)], TARGETS)["time_to_open_s"] == 2.0


def strengths(*verdicts):
    return [Strength(100.0 * place, {"verdict": verdict}) for place, verdict in enumerate(verdicts, 1)]


@pytest.mark.parametrize(
    ("verdicts", "point"),
    [
        (("pass", "pass", "fail", "pass"), (200.0, 300.0)),
        (("pass", "pass"), (200.0, None)),
        (("fail", "pass"), (None, 100.0)),
        (("pass", "invalid"), (100.0, 200.0)),
        ((), (None, None)),
    ],
)
def test_the_breaking_point_lies_after_the_last_strength_up_to_which_all_holds(verdicts, point):
    assert breaking_point(strengths(*verdicts)) == point


def test_a_sweep_is_in_order_with_medians_of_equal_strengths():
    swept = sweep([(500, figures(back_after_s=9)), (100, figures()), (500, figures(back_after_s=5))], TARGETS)
    assert [each.value for each in swept] == [100, 500]
    assert swept[1].figures["recovery_s"] == 7
