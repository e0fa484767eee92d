import math

import pytest

from chaos.analysis.verdict import judge, miss, value_of

FIGURES = {"availability": 0.99, "p95_ratio": None, "recovery_s": None, "quality": {"fault": {"ndcg@10": 0.8}}}


@pytest.mark.parametrize(
    ("name", "bound", "reason"),
    [
        ("availability", [0.99, None], None),
        ("availability", [1, 1], "availability is 0.99, below 1"),
        ("availability", [None, 0.5], "availability is 0.99, above 0.5"),
        ("p95_ratio", [None, 1.5], "p95_ratio was not measured"),
        ("unknown", [None, 1.5], "unknown was not measured"),
        ("recovery_s", [None, 10], "recovery_s is inf, above 10"),
        ("quality.fault.ndcg@10", [0.75, None], None),
        ("quality.baseline.ndcg@10", [0.75, None], "quality.baseline.ndcg@10 was not measured"),
    ],
)
def test_a_bound_is_met_or_the_reason_says_how_not(name, bound, reason):
    assert miss(FIGURES, name, bound) == reason


def test_a_figure_that_is_no_number_misses():
    assert miss({"x": math.nan}, "x", [0, 1]) == "x was not measured"


def test_a_value_is_found_within_others():
    assert value_of(FIGURES, "quality.fault.ndcg@10") == 0.8
    assert value_of({"a.b": 1.0}, "a.b") == 1.0
    assert value_of(FIGURES, "availability.deeper") is None
    assert value_of(FIGURES, "recovery_s") == math.inf


def test_verdicts():
    assert judge(FIGURES, {"availability": [0.9, None], "shedding": True}) == ("pass", [])
    assert judge(FIGURES, {"availability": [1, None]})[0] == "fail"
    assert judge(FIGURES, {}, invalid=["late"]) == ("invalid", ["late"])
    deviated = {**FIGURES, "deviated": True}
    assert judge(deviated, {}) == ("fail", ["the steady state was left during the run"])
    assert judge(deviated, {}, invalid=["late"])[0] == "fail"
