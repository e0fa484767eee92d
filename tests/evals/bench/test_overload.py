import pytest

from evals.bench import overload
from evals.bench.phases import Sent
from evals.load.queue_model import Service
from evals.load.records import Record
from tests.support.corpus import QUESTION, UNANSWERABLE

pytestmark = pytest.mark.slow


def phase(answers, rejected=0, *, e2e_s=0.4, rejected_s=0.005, retry_after="1", priority="interactive", **others):
    """Ten seconds of load."""
    served = [Record(f"{priority}-{n}", 0.0, 0.0, e2e_s, **others) for n in range(answers)]
    refused = [
        Record(f"{priority}-{n}", 0.0, 0.0, rejected_s, error="http_503", retry_after=retry_after)
        for n in range(rejected)
    ]
    return Sent(served + refused, 10.0, valid=True)


def mixed(answers, rejected):
    """So many interactive requests, and batch ones of which most are shed."""
    return Sent(phase(answers, rejected).records + phase(66, 110, priority="batch").records, 10.0, valid=True)


def judged(**phases):
    calm = phase(50)
    good = {"calm": calm, "three": phase(95, 205), "ten": phase(95, 905), "after": calm, "mixed": mixed(24, 0)}
    return overload.figures(**{**good, **phases}, capacity_rps=10.0)


def test_a_good_run_meets_every_target():
    figures = judged()
    for name, (least, most) in overload.TARGETS.items():
        assert least <= figures[name] <= most, name
    assert (figures["mixed_interactive_admitted"], figures["mixed_batch_admitted"]) == (1.0, pytest.approx(0.375))


@pytest.mark.parametrize(
    ("change", "figure", "value"),
    [
        ({"three": phase(80, 220)}, "3x_goodput_vs_capacity", 0.8),
        ({"three": phase(95, 205, degraded=["extractive-fallback"])}, "3x_goodput_vs_capacity", 0.0),
        ({"ten": phase(95, 905, e2e_s=1.0)}, "10x_p95_vs_baseline", 2.5),
        ({"ten": phase(95, 905, rejected_s=0.05)}, "10x_rejected_p95_ms", 50.0),
        ({"ten": phase(95, 905, retry_after=None)}, "10x_rejected_with_retry_after", 0.0),
        ({"three": phase(95, 5, error="timeout")}, "3x_failed_otherwise", 95),
        ({"mixed": mixed(18, 6)}, "mixed_interactive_admitted", 0.75),
        ({"after": phase(9, 1)}, "after_availability", 0.9),
        ({"after": phase(50, e2e_s=0.8)}, "after_p95_vs_baseline", 2.0),
    ],
)
def test_each_figure_tells_of_its_fault(change, figure, value):
    assert judged(**change)[figure] == pytest.approx(value)


def test_answers_that_come_after_the_phase_lower_the_goodput():
    late = Record("interactive-1", 9.0, 0.0, 11.0)
    assert overload.goodput_rps(Sent([late, *phase(99).records], 10.0, valid=True)) == 5.0


async def test_what_is_too_much_is_shed_and_the_rest_is_served(ingested):
    """The real service before the stub model, briefly; times are not judged."""
    model = Service(service_time_s=0.4, slots=16, queue_limit=10_000, events=1)
    questions = [QUESTION, UNANSWERABLE, "Where does the Great Barrier Reef lie?"]
    figures = await overload.measure(questions, ingested, runs=1, seed=1, requests=40, model=model)
    for name in ("3x", "10x", "mixed"):
        assert figures[f"{name}_rejected"] > 0
        assert figures[f"{name}_rejected_with_retry_after"] == 1.0
        assert figures[f"{name}_failed_otherwise"] == 0
        assert figures[f"{name}_goodput_vs_capacity"] > 0.2
    assert figures["mixed_interactive_admitted"] > figures["mixed_batch_admitted"]
    assert figures["mixed_interactive_admitted"] >= 0.8
    assert figures["after_availability"] >= 0.9
