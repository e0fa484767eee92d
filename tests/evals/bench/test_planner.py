import pytest

from evals.bench import planner
from evals.bench.phases import Sent
from evals.load.slo import Slo
from evals.planner.prediction import Draws, predict
from evals.planner.workload import read_workload
from tests.support.profiled import PARTS, RECORDS, answer


@pytest.fixture
def prices():
    return planner.Prices(parts=PARTS)


def test_the_capacity_is_that_of_the_busiest_part(prices):
    # 0.2 of the requests hold one of four slots for 0.4 s; the API's one server takes 10 ms of each
    assert planner.capacity_rps(read_workload(RECORDS, prices), prices) == pytest.approx(50.0)


def test_throughput_counts_what_ended_in_time():
    late = answer("small", e2e_s=11.0)
    assert planner.throughput_rps([*RECORDS, late], 10.0) == 1.0


def test_what_was_foreseen_is_held_against_what_came(prices):
    workload = read_workload(RECORDS, prices)
    replicas = dict.fromkeys(PARTS, 1)
    foreseen = predict(workload, prices, replicas, rate_rps=1.0, slo=Slo(), draws=Draws(1, 1_000))
    refused = answer("small", error="http_503")
    found = planner.compared(foreseen, Sent([*RECORDS, refused], 10.0, valid=True), prices)
    assert found["p95_predicted_vs_measured"] == pytest.approx(1.0, rel=0.02)
    assert found["throughput_predicted_vs_measured"] == pytest.approx(1.0, rel=0.05)
    assert (found["failed"], found["valid"], found["share_large"]) == (1.0, 1.0, 0.2)
