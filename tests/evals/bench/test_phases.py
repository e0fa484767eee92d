import math
from collections import Counter

import pytest

from evals.bench.phases import Phase, Sent, missed, p95_ms, send
from evals.load.queue_model import Service
from evals.load.records import Record
from evals.load.stub_model import StubModel

QUICK = Service(service_time_s=0.001, itl_s=0.0)
QUESTIONS = ["What holds its steady state?", "What does not?"]


def record(priority="interactive", error=None, e2e_s=0.1):
    return Record(f"{priority}-1", 0.0, 0.0, e2e_s, error=error)


async def test_the_same_seed_asks_the_same_at_the_same_times():
    phase = Phase(100.0, 0.3, interactive=0.5)
    async with StubModel(QUICK) as stub:
        first, again, other = [await send(stub.url, QUESTIONS, phase, seed) for seed in (1, 1, 2)]
    sent = [sorted((each.request_id, each.intended_s) for each in run.records) for run in (first, again, other)]
    assert sent[0] == sent[1] != sent[2]
    assert first.availability == 1.0


async def test_priorities_are_mixed_and_told_apart():
    async with StubModel(QUICK) as stub:
        sent = await send(stub.url, QUESTIONS, Phase(300.0, 1.0, interactive=0.25), seed=3)
    shares = Counter(each.request_id.partition("-")[0] for each in sent.records)
    assert shares["interactive"] / len(sent.records) == pytest.approx(0.25, abs=0.1)
    assert (len(sent.of("interactive").records), len(sent.of("batch").records)) == (
        shares["interactive"],
        shares["batch"],
    )


def test_a_phase_is_long_enough_for_its_requests():
    phase = Phase.of(100, 10.0)
    assert phase.seconds == 13.0
    assert Phase.of(100, 10.0, least_s=20.0).seconds == 20.0


def test_an_error_is_no_answer():
    sent = Sent([record(), record(error="http_503"), record(error="timeout"), record()], 1.0, valid=True)
    assert (len(sent.answers), sent.availability) == (2, 0.5)


def test_the_95th_percentile():
    assert p95_ms(record(e2e_s=n / 1_000) for n in range(101)) == pytest.approx(95)
    assert math.isnan(p95_ms([]))


@pytest.mark.parametrize(
    ("value", "is_missed"), [(0.9, True), (1.0, False), (2.0, False), (2.1, True), (math.nan, True)]
)
def test_a_target_is_a_pair_of_bounds(value, is_missed):
    assert missed({"here": value}, {"here": (1.0, 2.0), "elsewhere": (1.0, 2.0)}) == (["here"] if is_missed else [])
