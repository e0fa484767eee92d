import pytest

from evals.load.records import Record
from evals.load.savings import costs


def answer(model="large", cost=3.0, saved=0.0, verdict="miss"):
    return Record("r", 0.0, 0.0, 0.1, verdict=verdict, model=model, cost=cost, saved=saved)


def test_the_cache_saves_what_it_serves_and_the_router_what_is_cheaper():
    answers = [answer(), answer(cost=5.0), answer("small", 1.0), answer("small", 0.0, 2.0, "semantic")]
    found = costs(answers)
    assert (found["amount"], found["cache_saved"], found["routing_saved"]) == (9.0, 2.0, 3.0)
    assert (found["cache_saved_share"], found["routing_saved_share"]) == pytest.approx((2 / 11, 3 / 12))
    assert found["by_model"] == {"large": {"answers": 2, "amount": 8.0}, "small": {"answers": 1, "amount": 1.0}}


def test_where_all_comes_from_the_cache_nothing_was_routed():
    found = costs([answer(cost=0.0, saved=2.0, verdict="exact")])
    assert (found["cache_saved_share"], found["routing_saved_share"], found["by_model"]) == (1.0, 0.0, {})


@pytest.mark.parametrize("answers", [[], [answer(cost=0.0)], [answer(cost=None, saved=None)]])
def test_without_prices_there_are_no_costs(answers):
    assert costs(answers) == {}
