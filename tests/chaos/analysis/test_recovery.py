import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.analysis.phases import Span
from chaos.analysis.recovery import last_degraded_s, recovery_s, whole_share
from chaos.analysis.requests import Requests
from evals.load.records import Record
from tests.support.chaos_results import Story, rows

AFTER = Span(40.0, 70.0)


def requests(back_after_s, *, fails=False, hiccups=(), rate_rps=20):
    """A request each twentieth of a second: whole before 20 s and from `back_after_s` after 40 s on."""
    made = []
    for number in range(70 * rate_rps):
        at_s = number / rate_rps
        hit = 20 <= at_s < 40 + back_after_s or number in hiccups
        error, labels = ("timeout", []) if hit and fails else (None, ["dense-unavailable"] if hit else [])
        made.append(Record(str(number), at_s, 0.0, 0.05, error=error, degraded=labels).row())
    return Requests.of(made)


def recovered(found):
    return recovery_s(found, found.asked_within(0, 20), AFTER, deadline_s=5.0)


@settings(max_examples=30)
@given(st.floats(0, 25), st.booleans())
def test_the_planted_time_is_found_to_the_second(back_after_s, fails):
    found = recovered(requests(back_after_s, fails=fails))
    assert back_after_s - 0.2 <= found <= math.ceil(back_after_s)


def test_never_is_infinite():
    assert recovered(requests(30)) == math.inf


def test_a_relapse_counts_and_a_single_answer_does_not():
    assert recovered(requests(2, hiccups=[1200])) == 2
    assert recovered(requests(2, hiccups=range(1200, 1220))) == 21


@pytest.mark.parametrize("seed", range(5))
def test_the_scatter_of_arrivals_is_not_taken_for_a_loss(seed):
    story = Story(seed=seed, rate_rps=15, back_after_s=5.0)
    found = Requests.of(rows(story))
    baseline = found.asked_within(0, story.on_s)
    assert recovery_s(found, baseline, Span(story.off_s, story.end_s), story.deadline_s) == pytest.approx(5, abs=1)


def test_a_slow_answer_is_no_goodput():
    assert whole_share(requests(0).asked_within(0, 10), deadline_s=0.01) == 0
    assert math.isnan(whole_share(Requests.of([]), 1.0))


def test_the_last_degraded_answer():
    assert last_degraded_s(requests(4), AFTER) == pytest.approx(3.95)
    assert last_degraded_s(requests(0), AFTER) == 0.0


def test_a_recovery_that_was_hardly_watched():
    found = requests(0)
    assert recovery_s(found, found.asked_within(0, 20), Span(40, 41), deadline_s=5.0) == 0.0
