import math

import pytest

from evals.bench import degradation
from evals.bench.phases import Sent
from evals.load.records import Record
from tests.support.corpus import QUESTION, UNANSWERABLE

pytestmark = pytest.mark.slow

LABEL = "dense-unavailable"


def sent(*records, valid=True):
    """A phase of (intended_s, e2e_s, *labels)."""
    return Sent([Record("x", at, 0.0, e2e, degraded=labels) for at, e2e, *labels in records], 10.0, valid)


def judged(faulty=((0, 0.6, LABEL), (2, 0.1, LABEL)), recovering=((0, 0.1, LABEL), (3, 0.1)), **phases):
    baseline = phases.get("baseline", sent((0, 0.1)))
    return degradation.figures(LABEL, baseline, sent(*faulty), sent(*recovering), opened_s=1.0)


def test_a_good_run_meets_every_target():
    figures = judged()
    for name, (least, most) in degradation.TARGETS.items():
        assert least <= figures[name.partition(".")[2]] <= most, name
    assert (figures["p95_opening_ms"], figures["p95_open_ms"]) == (600, 100)


@pytest.mark.parametrize(
    ("change", "figure", "value"),
    [
        ({"faulty": [(0, 0.6, LABEL), (2, 0.1)]}, "unlabelled", 1),
        ({"faulty": [(0, 0.6, LABEL), (2, 0.1, "lexical-unavailable")]}, "unlabelled", 1),
        ({"faulty": [(0, 0.6, LABEL), (2, 0.1, "shards:2/4")]}, "unlabelled", 0),
        ({"faulty": [(0, 0.6, LABEL), (2, 0.1, "shards:2/4")]}, "labelled_as_expected", 0.5),
        ({"faulty": [(0, 0.6, LABEL), (2, 0.2, LABEL)]}, "p95_open_vs_baseline", 2),
        ({"recovering": [(0, 0.1, LABEL), (12, 0.1, LABEL), (13, 0.1)]}, "back_after_s", 12),
        ({"recovering": [(0, 0.1), (1, 0.1, LABEL)]}, "back_after_s", math.inf),
        ({"baseline": sent((0, 0.1), valid=False)}, "valid", 0),
    ],
)
def test_each_figure_tells_of_its_fault(change, figure, value):
    assert judged(**change)[figure] == value


def test_a_question_without_an_answer_is_no_availability():
    failed = Sent([Record("x", 0.0, 0.0, 0.1), Record("x", 0.0, 0.0, 0.1, error="http_503")], 10.0, valid=True)
    assert judged(baseline=failed)["availability"] == 0.5


def test_the_last_breaker_to_open_counts_by_its_first_time():
    changes = [
        ("index:0", "open", 1.0),
        ("index:1", "open", 1.5),
        ("index:0", "half-open", 2.0),
        ("index:0", "open", 3),
    ]
    assert degradation.opened_after_s(changes) == 1.5
    assert degradation.opened_after_s([]) == math.inf


@pytest.mark.parametrize(("scenario", "recovery_s"), [("index-slow", 11.0), ("shard-dead", 1.0)])
async def test_every_question_is_answered_and_every_affected_answer_says_so(
    ingested, monkeypatch, scenario, recovery_s
):
    """The real service under real load, briefly; times are not judged, except that full answers come back."""
    for name, value in {"RATE_RPS": 10.0, "WARM_UP_S": 0.5, "RECOVERY_S": recovery_s}.items():
        monkeypatch.setattr(degradation, name, value)
    questions = [QUESTION, UNANSWERABLE, "Where does the Great Barrier Reef lie?"]
    figures = await degradation.measure([scenario], questions, ingested, seed=1, requests=25)
    assert figures[f"{scenario}.availability"] == 1.0
    assert figures[f"{scenario}.unlabelled"] == 0
    assert math.isfinite(figures[f"{scenario}.opened_after_s"])
    assert recovery_s < 10 or figures[f"{scenario}.back_after_s"] <= recovery_s
