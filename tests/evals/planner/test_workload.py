import statistics

import pytest

from evals.errors import CannotMeasure
from evals.planner.prices import Part, Prices
from evals.planner.workload import ELSEWHERE, read_workload
from tests.support.profiled import PARTS, RECORDS, answer


def test_a_request_visits_the_parts_for_as_long_as_their_stages_took(workload):
    small = workload.requests["small"][0]
    visits = [("api", 0.005), ("embedder", 0.002), ("index", 0.008), ("small", 0.1), ("api", 0.005)]
    assert [name for name, _ in small.visits] == [name for name, _ in visits]
    assert [seconds for _, seconds in small.visits] == pytest.approx([seconds for _, seconds in visits])
    assert (small.e2e_s, small.tail_s) == pytest.approx((0.12, 0.05))
    assert workload.shares == {"exact": 0.4, "large": 0.2, "small": 0.4}


def test_the_mean_load_weighs_kinds_by_their_shares(workload):
    load = {"api": 0.01, "embedder": 0.6 * 0.002, "index": 0.6 * 0.008, "small": 0.4 * 0.1, "large": 0.2 * 0.4}
    assert workload.load() == pytest.approx(load)


def test_embedding_inside_retrieval_is_counted_once(prices):
    stages = {"embed": 2.0, "retrieve": 8.0, "route": 1.0, "generate": 100.0, "total": 112.0}
    (made,) = read_workload([answer("small", timings_ms=stages)], prices).requests["small"]
    assert dict(made.visits)["index"] == pytest.approx(0.008)
    overlapped = stages | {"total": 109.0}
    (made,) = read_workload([answer("small", timings_ms=overlapped)], prices).requests["small"]
    assert dict(made.visits)["index"] == pytest.approx(0.006)


def test_who_waited_for_the_same_question_is_no_load_of_the_api(prices):
    waiting = answer("exact", timings_ms={"total": 409.0}, e2e_s=0.41)
    made = read_workload([*RECORDS, waiting], prices).requests["exact"][-1]
    assert dict(made.visits)[ELSEWHERE] == pytest.approx(0.4)
    assert sum(seconds for name, seconds in made.visits if name == "api") == pytest.approx(0.01)


def test_the_price_list_may_say_how_long_a_visit_takes():
    parts = PARTS | {"redis": Part(price_per_hour=1, service_ms=0.5), "api": Part(price_per_hour=1, service_ms=4)}
    workload = read_workload(RECORDS, Prices(parts=parts))
    assert workload.load()["redis"] == pytest.approx(0.0005)
    assert workload.load()["api"] == pytest.approx(0.004)


def test_errors_and_degraded_answers_are_no_profile(prices):
    spoilt = [answer("small", error="timeout"), answer("small", degraded=["dense-unavailable"])]
    assert len(read_workload([*RECORDS, *spoilt], prices).requests["small"]) == 4
    with pytest.raises(CannotMeasure, match="no undegraded answer"):
        read_workload(spoilt, prices)


@pytest.mark.parametrize(
    ("missing", "complaint"), [("small", r"model = 'the-small'"), ("index", r"wants \[parts.index\]")]
)
def test_what_the_price_list_lacks_is_said(missing, complaint):
    parts = {name: part for name, part in PARTS.items() if name != missing}
    with pytest.raises(CannotMeasure, match=complaint):
        read_workload(RECORDS, Prices(parts=parts))


def test_levers_change_shares_and_times(workload):
    assert workload.with_hits(0.0).shares == pytest.approx({"small": 2 / 3, "large": 1 / 3})
    assert workload.with_hits(0.7).shares == pytest.approx({"exact": 0.7, "small": 0.2, "large": 0.1})
    assert workload.with_hits(0.0).with_hits(0.5).hits == 0.0
    assert workload.all_large().shares == pytest.approx({"exact": 0.4, "large": 0.6})
    slow = workload.slowed({"large": 1.5})
    assert slow.load()["large"] == pytest.approx(1.5 * workload.load()["large"])
    assert (slow.requests["large"][0].tail_s, slow.requests["small"][0].tail_s) == pytest.approx((0.075, 0.05))


def test_draws_repeat_with_their_seed_and_keep_rate_and_shares(workload):
    jobs, drawn = workload.draw(50.0, 5_000, seed=3)
    assert (jobs, drawn) == workload.draw(50.0, 5_000, seed=3)
    assert jobs != workload.draw(50.0, 5_000, seed=4)[0]
    assert len(jobs) / jobs[-1].at_s == pytest.approx(50.0, rel=0.05)
    assert statistics.fmean(each in workload.requests["exact"] for each in drawn) == pytest.approx(0.4, abs=0.03)
