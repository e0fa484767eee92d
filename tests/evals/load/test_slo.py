import pytest

from evals.errors import CannotMeasure
from evals.load.records import Record
from evals.load.slo import Slo


def record(**fields):
    return Record(**({"request_id": "r", "intended_s": 0.0, "lag_s": 0.0, "e2e_s": 1.0, "ttft_s": 0.4} | fields))


def test_reads_bounds_in_any_order():
    assert Slo.parse(" e2e=2, ttft=0.5") == Slo(ttft=0.5, e2e=2.0)
    assert Slo.parse("") == Slo()


@pytest.mark.parametrize("text", ["p99=1", "ttft", "ttft=", "ttft=fast", "ttft=0", "e2e=-1", "e2e=nan", "ttft=1;e2e=2"])
def test_refuses_what_bounds_nothing(text):
    with pytest.raises(CannotMeasure, match="no objective"):
        Slo.parse(text)


@pytest.mark.parametrize(
    ("slo", "fields", "met"),
    [
        ("", {}, True),
        ("", {"error": "http_503"}, False),
        ("ttft=0.4,e2e=1", {}, True),
        ("ttft=0.39", {}, False),
        ("e2e=0.99", {}, False),
        ("ttft=0.5", {"ttft_s": None}, False),
        ("ttft=1", {"ttft_s": None}, True),
        ("itl=0.2", {"itl_s": [0.1, 0.3]}, True),
        ("itl=0.19", {"itl_s": [0.1, 0.3]}, False),
        ("itl=0.01", {"itl_s": []}, True),
    ],
)
def test_every_bound_must_hold(slo, fields, met):
    assert Slo.parse(slo).met_by(record(**fields)) is met


@pytest.mark.parametrize("text", ["", "ttft=0.5", "ttft=0.5,itl=0.1,e2e=2"])
def test_an_objective_says_itself_as_it_was_read(text):
    assert Slo.parse(text).told() == text
