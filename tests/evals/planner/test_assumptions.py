from evals.planner.assumptions import assumptions
from evals.planner.prices import Prices, Repetition
from evals.planner.workload import read_workload
from tests.support.profiled import PARTS, RECORDS


def test_profile_cache_and_parts_are_told(workload, prices):
    told = "\n".join(assumptions(workload, prices))
    assert "one of the 10 of the profile, drawn by chance: 40 % exact, 20 % large, 40 % small." in told
    assert "The cache answers 40 % of the requests at any load." in told
    assert "A replica of large costs 4 USD an hour and serves 4 at once, each as fast as in the profile." in told
    assert "A run of embedder takes up to 8 visits; 50 % of a visit's time it spends once." in told
    assert "Without quantisation large takes 1.5 times as long." in told
    assert "Without routing" in told


def test_what_the_list_says_instead_of_the_profile_is_told(workload):
    redis = PARTS["api"].model_copy(update={"service_ms": 0.3, "least": 2})
    told = assumptions(workload, Prices(parts={**PARTS, "redis": redis}, questions=Repetition(ttl_s=3_600)))
    assert "A visit to redis takes 0.3 ms, by the list and not as measured." in told
    assert any(sentence.endswith("serves one at a time; 2 stand there in any case.") for sentence in told)
    assert any("keeps each answer for 3,600 s" in sentence for sentence in told)


def test_what_is_not_in_use_is_not_told():
    small = {name: part for name, part in PARTS.items() if name != "large"}
    workload = read_workload([record for record in RECORDS if record.model == "the-small"], Prices(parts=small))
    told = "\n".join(assumptions(workload, Prices(parts=small, questions=Repetition())))
    assert "routing" not in told
    assert "quantisation" not in told
    assert "The cache answers 0 % of the requests at any load." in told
