import pytest

from evals.errors import CannotMeasure
from evals.planner.prices import Part, read_prices
from evals.planner.simulation import Station

GOOD = """
currency = "EUR"
[parts.api]
price_per_hour = 0.05
[parts.large]
price_per_hour = 2
at_once = 16
model = "large"
[questions]
zipf = 0.9
"""


@pytest.fixture
def listed(tmp_path):
    def write(text):
        path = tmp_path / "prices.toml"
        path.write_text(text)
        return read_prices(path)

    return write


def test_replicas_cost_what_the_list_says(listed):
    prices = listed(GOOD)
    assert prices.per_hour({"api": 2, "large": 3}) == pytest.approx(6.1)
    assert (prices.currency, prices.questions.zipf, prices.questions.ttl_s) == ("EUR", 0.9, 86_400)


def test_replicas_of_a_part_serve_side_by_side():
    assert Part(price_per_hour=1, at_once=4, batch=8, shared=0.5).station(3) == Station(12, 8, 0.5)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[parts.api]\nprice_per_hour = -1", "parts.api.price_per_hour"),
        ("[parts.api]\nprice_per_hour = 1\nslots = 2", "parts.api.slots"),
        ("[parts.gpu]\nprice_per_hour = 1", "no part gpu"),
        ("[parts", "cannot be read"),
        ("", "parts: Field required"),
    ],
)
def test_what_is_no_price_list_is_refused_with_its_place(listed, text, complaint):
    with pytest.raises(CannotMeasure, match=complaint):
        listed(text)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CannotMeasure, match="cannot be read"):
        read_prices(tmp_path / "none.toml")
