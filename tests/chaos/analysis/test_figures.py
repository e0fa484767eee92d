import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.analysis.figures import analyse
from tests.support.chaos_results import QUALITY, Story, config, events, rows

CONTRACT = {
    "experiment", "verdict", "deviated", "availability", "p95_ratio", "p99_ratio", "unlabelled_degraded",
    "time_to_open_s", "recovery_s",
}  # fmt: skip


def figures(quality=QUALITY, **story):
    told = Story(**story)
    return analyse(rows(told), events(told), config(told), quality=quality)


def test_the_keys_of_the_contract_and_a_pass():
    found = figures()
    assert found.keys() >= CONTRACT
    assert (found["verdict"], found["reasons"]) == ("pass", [])
    assert (found["experiment"], found["seed"]) == ("vector-db-latency", 1)


@settings(max_examples=15)
@given(
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(0, 40),
    st.floats(0.5, 20),
    st.floats(0.5, 3),
    st.integers(0, 10_000),
)
def test_what_was_planted_is_found(unlabelled, lost, refused, back_after_s, opens_after_s, seed):
    found = figures(
        seed=seed,
        unlabelled=unlabelled,
        lost=lost,
        refused=refused,
        back_after_s=back_after_s,
        opens_after_s=opens_after_s,
        recovery_s=40,
    )
    assert found["unlabelled_degraded"] == unlabelled
    assert (found["failed"], found["refused"]) == (lost, refused)
    assert found["availability"] == pytest.approx(1 - (lost + refused) / found["requests"])
    assert found["recovery_s"] == pytest.approx(back_after_s, abs=1)
    assert found["time_to_open_s"] == pytest.approx(opens_after_s - 0.4)
    assert max(found["breakers_opened"].values()) == pytest.approx(opens_after_s)


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_ratio_is_that_of_the_time_after_the_last_opening(factor):
    found = figures(open_factor=factor, rate_rps=60)
    assert found["p95_ratio"] == pytest.approx(factor, rel=0.1)
    assert found["p95_opening_ms"] > 500


def test_without_an_opening_the_whole_fault_counts():
    found = figures(opens_after_s=None, slow_s=0.2)
    assert found["time_to_open_s"] is None
    assert found["p50_ratio"] == pytest.approx(0.24 / 0.04, rel=0.1)


def test_an_expected_refusal_is_no_loss():
    targets = {"availability": [1.0, 1.0]}
    assert figures(refused=30, targets=targets)["verdict"] == "fail"
    assert figures(refused=30, targets={**targets, "shedding": True})["verdict"] == "pass"


def test_a_fault_that_reaches_some_leaves_others_unlabelled():
    assert figures(unlabelled=5, more={"affected": "some"})["unlabelled_degraded"] == 0


def test_labels_that_nobody_bears_show_that_nothing_was_reached():
    found = figures(label="dense-unavailable", more={"affected": "some", "expected_labels": ["shards:*"]})
    assert found["unlabelled_degraded"] > 900


def test_where_no_label_is_expected_none_is_missing():
    assert figures(more={"expected_labels": []})["unlabelled_degraded"] == 0


@pytest.mark.parametrize(("parameter", "value"), [("latency_ms", 50.0), ("delay_s", 0.05)])
def test_who_waited_a_weak_fault_out_needs_no_label(parameter, value):
    story = {"opens_after_s": None, "slow_s": 0.1, "unlabelled": 30}

    def missing(strength):
        return figures(**story, more={"fault": {"parameter": parameter, "value": strength}})["unlabelled_degraded"]

    assert missing(value) == 0
    assert missing(40 * value) == 30


def test_a_strength_that_is_no_time_is_waited_out_by_nobody():
    fault = {"parameter": "clients", "value": 0.0}
    assert figures(unlabelled=4, more={"fault": fault})["unlabelled_degraded"] == 4


def test_each_phase_by_itself():
    found = figures(lost=3)["phases"]
    assert list(found) == ["baseline", "fault", "recovery"]
    assert found["fault"]["labels"]["dense-unavailable"] == found["fault"]["degraded"]
    assert found["fault"]["answered"] - 5 < found["fault"]["degraded"] <= found["fault"]["answered"]
    assert found["fault"]["errors"] == {"disconnect": 3}
    assert found["baseline"]["degraded"] == 0
    assert found["baseline"]["goodput_rps"] == pytest.approx(25, rel=0.2)


def test_whom_the_fault_still_met_is_not_of_the_baseline():
    found = figures(usual_s=3.0)["phases"]
    whole = figures(usual_s=0.001)["phases"]
    assert found["baseline"]["requests"] < whole["baseline"]["requests"] - 25
    assert sum(phase["requests"] for phase in found.values()) == sum(phase["requests"] for phase in whole.values())


def test_late_answers_are_over_the_deadline():
    found = figures(deadline_s=0.3)
    assert found["over_deadline"] > 20
    assert found["goodput_ratio"] < 1


def test_a_broken_off_run_fails_and_one_that_asked_nothing_says_nothing():
    told = Story()
    whole = config(told)
    stopped = {**whole, "phases": whole["phases"][:2]}
    assert analyse(rows(told), events(told), stopped, deviated=True)["verdict"] == "fail"
    found = analyse(rows(told), events(told), stopped)
    assert (found["verdict"], found["reasons"]) == ("invalid", ["nothing was asked in the phase recovery"])


def test_a_generator_that_fell_behind_makes_the_run_invalid():
    told = Story()
    found = analyse(rows(told), events(told), config(told), invalid=["schedule lag"])
    assert (found["verdict"], found["reasons"]) == ("invalid", ["schedule lag"])


def test_never_whole_again():
    found = figures(back_after_s=math.inf)
    assert found["recovery_s"] == math.inf
    assert found["verdict"] == "fail"
