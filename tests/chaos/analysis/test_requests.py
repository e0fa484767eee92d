import pytest

from chaos.analysis.requests import Requests
from evals.load.records import Record


def row(at, took=0.1, **fields):
    return Record(**({"request_id": "r", "intended_s": at, "lag_s": 0.0, "e2e_s": took} | fields)).row()


MIXED = Requests.of(
    [
        row(3.0, took=9.0, error="timeout"),
        row(0.0, took=0.2),
        row(1.0, took=0.4, degraded=["dense-unavailable", "stale-cache"]),
        row(2.0, took=0.01, error="http_503", retry_after="1"),
        row(2.5, took=0.01, error="http_503"),
    ]
)


def test_columns_stand_in_the_order_of_asking():
    assert MIXED.asked_s.tolist() == [0.0, 1.0, 2.0, 2.5, 3.0]
    assert MIXED.ended_s.tolist() == [0.2, 1.4, 2.01, 2.51, 12.0]
    assert len(MIXED) == 5


def test_only_a_refusal_with_retry_after_is_an_honest_one():
    assert MIXED.answered.tolist() == [True, True, False, False, False]
    assert MIXED.refused.tolist() == [False, False, True, False, False]


@pytest.mark.parametrize(
    ("patterns", "found"), [(["dense-*"], 1), (["shards:*", "stale-cache"], 1), (["dense"], 0), ([], 0)]
)
def test_labels_are_found_by_pattern(patterns, found):
    assert MIXED.labelled(patterns).sum() == found


def test_an_answer_past_the_deadline_is_not_good():
    assert MIXED.good(0.3).tolist() == [True, False, False, False, False]


def test_a_stretch_has_its_beginning_and_not_its_end():
    assert MIXED.asked_within(1.0, 3.0).asked_s.tolist() == [1.0, 2.0, 2.5]


def test_percentiles_are_those_of_answers():
    assert MIXED.percentile_ms(50) == pytest.approx(300)
    assert MIXED.asked_within(2.0, 9.0).percentile_ms(50) is None


def test_counts():
    assert MIXED.count_labels() == {"dense-unavailable": 1, "stale-cache": 1}
    assert MIXED.count_errors() == {"http_503": 2, "timeout": 1}
    assert MIXED.degraded.tolist() == [False, True, False, False, False]


def test_nothing_is_nothing():
    nothing = Requests.of([])
    assert len(nothing) == 0
    assert nothing.percentile_ms(95) is None
    assert nothing.labelled(["x"]).sum() == nothing.degraded.sum() == 0
