import pytest

from evals.load.slo import Slo
from evals.planner.plan import plan
from evals.planner.prediction import Draws, Objective
from evals.planner.prices import Prices, Repetition
from evals.planner.workload import read_workload
from tests.support.profiled import PARTS, RECORDS

OBJECTIVE = Objective(Slo(e2e=1.5), 0.95)


def planned(workload, prices, rate_rps=20.0, requests=300):
    steps = []
    summary = plan(workload, prices, OBJECTIVE, rate_rps=rate_rps, draws=Draws(1, requests), watch=steps.append)
    return summary, steps


@pytest.fixture(scope="module")
def made(workload, prices):
    return planned(workload, prices, 60.0, 1_000)


def test_the_way_to_ten_times_the_load_costs_less_than_ten_times(made):
    summary, steps = made
    path = {row["factor"]: row for row in summary["path"]}
    assert list(path) == [1, 2, 5, 10]
    assert path[10]["rate_rps"] == 600
    # 600 x 0.2 x 0.4 s is 48 slots busy of four a replica
    assert path[10]["replicas"]["large"] >= 13
    assert 1 < summary["cost_ratio_10x"] < 10
    assert summary["cost_ratio_10x"] == pytest.approx(path[10]["cost_per_hour"] / path[1]["cost_per_hour"])
    assert (path[1]["cost_ratio"], path[1]["replicas"]) == (1.0, summary["replicas"])
    assert "10 times the load" in steps
    assert "without caching" in steps


def test_each_lever_in_use_saves_and_all_of_them_most(made):
    saves = made[0]["saves"]
    assert list(saves) == ["caching", "routing", "quantisation", "any of them"]
    for name, row in saves.items():
        assert 0 <= row["saved"] < 1, name
        assert row["saved"] <= saves["any of them"]["saved"]
    assert saves["caching"]["saved"] > 0.2


def test_levers_that_are_not_in_use_are_not_told_of(prices):
    parts = {name: part for name, part in PARTS.items() if name != "large"}
    records = [record for record in RECORDS if record.model == "the-small"]
    summary, _ = planned(read_workload(records, Prices(parts=parts)), Prices(parts=parts))
    assert (summary["saves"], summary["cost_ratio_10x_from_plain"]) == ({}, None)


def test_a_lever_without_which_the_objective_cannot_be_kept_is_told(prices, workload):
    parts = {**PARTS, "large": PARTS["large"].model_copy(update={"unquantised": 4.0})}
    summary, _ = planned(workload, prices.model_copy(update={"parts": parts}))
    assert "no number of replicas keeps" in summary["saves"]["quantisation"]["impossible"]
    assert summary["saves"]["caching"]["saved"] is not None
    assert summary["cost_ratio_10x_from_plain"] is None


def test_repetition_lets_the_hits_grow_with_the_load(workload, prices):
    growing = prices.model_copy(update={"questions": Repetition()})
    hits = [row["hits"] for row in planned(workload, growing)[0]["path"]]
    assert hits == sorted(hits)
    assert hits[0] == pytest.approx(0.4)
    assert hits[-1] > 0.45


def test_what_costs_nothing_has_no_ratio(workload):
    free = Prices(parts={name: part.model_copy(update={"price_per_hour": 0.0}) for name, part in PARTS.items()})
    summary, _ = planned(workload, free)
    assert (summary["cost_ratio_10x"], summary["saves"]["caching"]["saved"]) == (None, None)
