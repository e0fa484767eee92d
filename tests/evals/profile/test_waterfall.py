import pytest

from evals.errors import CannotMeasure
from evals.load.records import Record
from evals.profile.stages import STAGES
from evals.profile.waterfall import document, waterfall


def answer(ms, **stages):
    return Record("", 0.0, 0.0, (ms + 1) / 1e3, timings_ms={"total": ms, **stages})


TYPICAL = [answer(20.0 + n / 1e3, retrieve=15.0, generate=5.0) for n in range(980)]
SLOW = [answer(500.0, retrieve=15.0, generate=400.0) for _ in range(20)]


def test_the_typical_request_and_the_slow_one_are_told_apart():
    found = waterfall([*SLOW, *TYPICAL, Record("", 0.0, 0.0, 60.0, error="timeout")])
    assert found["p50"] == pytest.approx(
        dict.fromkeys(STAGES, 0.0) | {"outside": 1.0, "retrieve": 15.0, "generate": 5.0, "other": 0.49, "e2e": 21.49},
        abs=0.02,
    )
    assert found["p99"]["generate"] == pytest.approx(400.0)
    for stages in found.values():
        assert sum(stages[stage] for stage in STAGES) == pytest.approx(stages["e2e"])


def test_one_request_is_its_own_percentiles():
    found = waterfall([answer(10.0)])
    assert found["p50"] == found["p99"]


def test_a_run_without_stages_is_refused():
    with pytest.raises(CannotMeasure, match="no answer of the run tells"):
        waterfall([Record("", 0.0, 0.0, 1.0)])


def test_the_page_shows_a_table_and_of_each_run_pictures_of_the_stages_that_took_time():
    shown = document({"runs/<one>": waterfall([*SLOW, *TYPICAL])})
    assert "runs/&lt;one&gt;" in shown
    assert "generate 400 ms, 79.8 %" in shown
    assert "contextualize" not in shown
    assert shown.count("<figure") == 2
    assert "<script" not in shown
