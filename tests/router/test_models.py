import pytest

from router.models import Model, Price
from router.policy import Condition
from router.types import Load
from tests.support.naming import Named


def test_a_price_is_of_a_million_tokens():
    assert Price(0.5, 2.0).of(3_000, 400) == pytest.approx(0.0023)
    assert Price().of(3_000, 400) == 0.0


def test_a_condition_tells_how_the_model_fares_and_what_an_answer_costs():
    model = Model(
        backend=Named("tiny"),
        price=Price(1.0, 2.0),
        context_tokens=4_096,
        busy_at=8,
        load=lambda: Load(healthy=False, under_way=3, typical_s=1.5),
    )
    assert model.name == "tiny"
    assert model.condition(1_000_000, 500_000) == Condition(
        healthy=False, under_way=3, busy_at=8, typical_s=1.5, context_tokens=4_096, price=2.0
    )
