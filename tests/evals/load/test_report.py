import dataclasses

import orjson
import pytest

from evals.load.generator import LoadRun
from evals.load.records import Record
from evals.load.report import invalidity, summary, timeline
from evals.load.slo import Slo


def record(at, e2e=0.1, **fields):
    return Record(
        **({"request_id": f"r{at}", "intended_s": at, "lag_s": 0.001, "e2e_s": e2e, "ttft_s": e2e / 2} | fields)
    )


def run(*records, window_s=10.0, cpu=0.1, interrupted=False):
    return LoadRun(list(records), window_s, cpu, interrupted)


#: Ten requests: seven answers, of which one is slow and two are degraded, two refusals and one timeout.
MIXED = run(
    record(0.0, verdict="exact", model="small"),
    record(0.5, verdict="exact", model="small", itl_s=[0.01, 0.03]),
    record(1.0, verdict="miss", model="large", timings_ms={"embed": 2.0}),
    record(2.0, verdict="miss", model="large", timings_ms={"embed": 4.0}),
    record(3.0, e2e=3.0, verdict="miss", model="large"),
    record(4.0, verdict="miss", model="small", degraded=["dense-unavailable"]),
    record(5.0, verdict="stale", model="small", degraded=["stale-cache", "dense-unavailable"]),
    record(6.0, e2e=0.002, ttft_s=None, status=503, error="http_503", retry_after="1"),
    record(7.0, e2e=0.004, ttft_s=None, status=429, error="http_429"),
    record(8.0, e2e=60.0, ttft_s=None, error="timeout"),
)


def test_the_keys_of_the_contract():
    figures = summary(MIXED, Slo())
    for name in ("ttft_ms", "itl_ms", "e2e_ms"):
        assert {"p50", "p90", "p99"} <= figures[name].keys()
    assert {"exact", "semantic", "miss"} <= figures["cache"].keys()
    assert {
        "offered_rps", "achieved_rps", "errors", "goodput_rps", "schedule_lag_p99_ms", "valid", "degraded"
    } <= figures.keys()  # fmt: skip
    assert orjson.loads(orjson.dumps(figures)) == figures


def test_errors_are_misses_and_stay_out_of_the_latencies():
    figures = summary(MIXED, Slo.parse("ttft=0.5,e2e=2"))
    assert (figures["offered_rps"], figures["achieved_rps"], figures["goodput_rps"]) == (1.0, 0.7, 0.6)
    assert (figures["errors"], figures["good"], figures["requests"]) == (3, 6, 10)
    assert figures["errors_by_class"] == {"http_503": 1, "http_429": 1, "timeout": 1}
    assert figures["e2e_ms"] == {
        "p50": 100.0,
        "p90": pytest.approx(1260),
        "p95": pytest.approx(2130),
        "p99": pytest.approx(2826),
    }
    assert figures["itl_ms"]["p50"] == pytest.approx(20.0)


def test_what_the_answers_say_of_themselves():
    figures = summary(MIXED, Slo())
    assert figures["cache"] == {"exact": 2, "semantic": 0, "miss": 4, "stale": 1}
    assert figures["degraded"] == 2
    assert figures["degraded_by_label"] == {"dense-unavailable": 2, "stale-cache": 1}
    assert {name: group["requests"] for name, group in figures["by_model"].items()} == {"large": 3, "small": 4}
    assert {name: group["requests"] for name, group in figures["by_verdict"].items()} == {
        "exact": 2,
        "miss": 4,
        "stale": 1,
    }
    assert {name: group["requests"] for name, group in figures["by_rung"].items()} == {
        "full": 5,
        "dense-unavailable": 1,
        "dense-unavailable+stale-cache": 1,
    }
    assert figures["by_model"]["large"]["e2e_ms"]["p50"] == pytest.approx(100.0)
    assert figures["stages_ms"] == {"embed": {"p50": 3.0, "p90": 3.8, "p95": 3.9, "p99": 3.98}}


def test_refusals_have_times_of_their_own():
    rejected = summary(MIXED, Slo())["rejected"]
    assert (rejected["n"], rejected["with_retry_after"], rejected["e2e_ms"]["p50"]) == (2, 1, pytest.approx(3.0))


def test_a_server_that_falls_behind_shows_the_rate_it_kept_up():
    """Served at 5/s for 20 s what was offered within 10 s."""
    records = [record(0.1 * n, e2e=0.1 * n + 0.2) for n in range(100)]
    assert summary(run(*records), Slo())["achieved_rps"] == pytest.approx(5.0, rel=0.01)


def test_an_empty_run_has_no_latencies():
    figures = summary(run(), Slo())
    assert (figures["achieved_rps"], figures["e2e_ms"]["p50"], figures["valid"]) == (0.0, None, False)


def test_the_timeline_goes_by_the_second_of_sending():
    lines = timeline(MIXED.records, Slo.parse("e2e=2"))
    assert [(line["second"], line["requests"], line["errors"], line["good"]) for line in lines] == [
        (0, 2, 0, 2),
        (1, 1, 0, 1),
        (2, 1, 0, 1),
        (3, 1, 0, 0),
        (4, 1, 0, 1),
        (5, 1, 0, 1),
        (6, 1, 1, 0),
        (7, 1, 1, 0),
        (8, 1, 1, 0),
    ]


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({}, []),
        ({"cpu": 0.8}, []),
        ({"cpu": 0.81}, ["generator CPU 81% > 80% of one core"]),
        ({"interrupted": True}, ["stopped before its end"]),
        ({"records": [record(0, lag_s=0.005)]}, []),
        ({"records": [record(0, lag_s=0.0051)]}, ["schedule lag p99 5.1 ms > 5 ms"]),
        ({"records": [record(0), record(1, error="not_sent")]}, ["1 requests not sent: too many in flight"]),
        ({"records": []}, ["nothing was sent"]),
    ],
)
def test_a_run_knows_when_it_measured_itself(change, reasons):
    assert invalidity(dataclasses.replace(run(record(0)), **change)) == reasons


def test_one_late_request_in_a_thousand_does_not_spoil_a_run():
    assert summary(run(*[record(n, lag_s=1.0 * (n == 5)) for n in range(1000)]), Slo())["valid"]
