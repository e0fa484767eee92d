import pytest

from evals.load.slo import Slo
from evals.planner.prediction import Draws, predict


def foreseen(workload, prices, rate_rps, *, slo=None, seed=1, **replicas):
    least = dict.fromkeys(prices.parts, 1)
    return predict(
        workload, prices, {**least, **replicas}, rate_rps=rate_rps, slo=slo or Slo(), draws=Draws(seed, 2_000)
    )


def test_where_nobody_waits_latencies_are_those_of_the_profile(workload, prices):
    found = foreseen(workload, prices, 0.5)
    # 40 % are hits of 10 ms, 40 % small answers of 120 ms, 20 % large ones of 420 ms
    assert found.e2e_ms["p50"] == pytest.approx(120, rel=0.1)
    assert found.e2e_ms["p95"] == pytest.approx(420, rel=0.05)
    assert found.ttft_ms["p95"] == pytest.approx(370, rel=0.05)
    assert found.throughput_rps == pytest.approx(0.5, rel=0.05)
    assert sum(found.waited_ms.values()) < 1


def test_beyond_its_capacity_a_part_gives_what_it_can_and_the_rest_waits(workload, prices):
    # 0.2 of the requests hold one of four slots for 0.4 s: 50 a second; the other parts bear more
    found = foreseen(workload, prices, 60.0, slo=Slo(e2e=1.0), api=10)
    assert found.utilisation["large"] > 0.95
    assert max(found.waited_ms, key=found.waited_ms.get) == "large"
    assert found.throughput_rps < 60
    relieved = foreseen(workload, prices, 60.0, slo=Slo(e2e=1.0), api=10, large=2)
    assert relieved.attained > 0.99 > found.attained
    assert relieved.throughput_rps == pytest.approx(60, rel=0.03)


@pytest.mark.parametrize(("slo", "attained"), [(Slo(e2e=0.2), 0.8), (Slo(ttft=0.08), 0.8), (Slo(ttft=0.05), 0.4)])
def test_both_bounds_are_held(workload, prices, slo, attained):
    assert foreseen(workload, prices, 0.5, slo=slo).attained == pytest.approx(attained, abs=0.02)


def test_the_same_seed_foresees_the_same(workload, prices):
    assert foreseen(workload, prices, 20.0).told() == foreseen(workload, prices, 20.0).told()
    assert foreseen(workload, prices, 20.0) != foreseen(workload, prices, 20.0, seed=2)
