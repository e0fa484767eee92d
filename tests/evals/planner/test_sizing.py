import pytest

from evals.errors import CannotMeasure
from evals.load.slo import Slo
from evals.planner.prediction import Draws, Objective, predict
from evals.planner.prices import Part
from evals.planner.sizing import size

RATE = 80.0
DRAWS = Draws(seed=1, requests=1_500)
OBJECTIVE = Objective(Slo(e2e=0.6), 0.95)


def test_the_objective_is_kept_and_one_replica_less_of_any_part_breaks_it_or_the_least(workload, prices):
    sized = size(workload, prices, OBJECTIVE, rate_rps=RATE, draws=DRAWS)
    assert sized.expected.attained >= OBJECTIVE.attain
    assert sized.replicas["large"] >= 2  # 80 x 0.2 x 0.4 s want 6.4 of 4 slots a replica
    for name, count in sized.replicas.items():
        fewer = {**sized.replicas, name: count - 1}
        if not fewer[name]:
            continue
        found = predict(workload, prices, fewer, rate_rps=RATE, slo=OBJECTIVE.slo, draws=DRAWS)
        assert found.attained < OBJECTIVE.attain, name
    assert sized.cost_per_hour == pytest.approx(prices.per_hour(sized.replicas))
    assert sized.cost_per_1000 == pytest.approx(sized.cost_per_hour / 288)


def test_replicas_that_are_to_be_there_are(workload, prices):
    parts = {name: part.model_copy(update={"least": 3}) for name, part in prices.parts.items()}
    listed = prices.model_copy(update={"parts": parts})
    assert set(size(workload, listed, OBJECTIVE, rate_rps=1.0, draws=DRAWS).replicas.values()) == {3}


def test_a_listed_part_is_paid_for_unless_it_is_a_model_that_nobody_asks(workload, prices):
    listed = prices.model_copy(update={"parts": {**prices.parts, "redis": Part(price_per_hour=0.5, least=2)}})
    replicas = size(workload.all_large(), listed, OBJECTIVE, rate_rps=1.0, draws=DRAWS).replicas
    assert (replicas["redis"], "small" in replicas) == (2, False)


def test_what_no_replicas_can_keep_is_said(workload, prices):
    with pytest.raises(CannotMeasure, match=r"no number of replicas keeps e2e=0\.3 for 95\.0%.*do when nobody waits"):
        size(workload, prices, Objective(Slo(e2e=0.3), 0.95), rate_rps=RATE, draws=DRAWS)
