import pytest

from chaos.load.rolling import rolling, unlabelled
from evals.load.records import Record


def record(at_s, took_s=0.1, error=None, labels=()):
    return Record("r", at_s, 0.0, took_s, error=error, degraded=list(labels))


def test_what_ended_before_the_window_counts_no_more():
    records = [record(0.0, error="timeout"), record(9.0), record(9.5, error="http_503"), record(9.7, labels=["x"])]
    figures = rolling(records, [], now_s=10.0, window_s=2.0)
    assert figures["ended"] == 3
    assert figures["availability"] == pytest.approx(2 / 3)
    assert figures["availability_of_admitted"] == 1.0
    assert (figures["answered_rps"], figures["goodput_rps"], figures["degraded_share"]) == (1.0, 0.5, 0.5)
    assert (figures["labels"], figures["errors"]) == ({"x": 1}, {"http_503": 1})


def test_a_stall_shows_before_it_ends():
    figures = rolling([record(9.0)], [0.2, 3.0], now_s=10.0, window_s=5.0)
    assert figures["overdue"] == 1
    assert figures["p95_ms"] == pytest.approx(2_855)


def test_of_nothing_there_is_no_share_and_no_time():
    figures = rolling([], [], now_s=10.0, window_s=5.0)
    assert (figures["availability"], figures["p95_ms"], figures["degraded_share"]) == (None, None, None)


def test_unlabelled_counts_answers_that_began_and_ended_under_the_fault():
    records = [
        record(0.5, labels=[]),  # before it
        record(1.5),
        record(1.6, labels=["shards:3/4"]),
        record(1.7, labels=["cache-unavailable"]),
        record(1.8, error="http_503"),
        record(2.95),  # ended after it
    ]
    assert unlabelled(records, ["shards:*"], on_s=1.0, off_s=3.0) == 2
    assert unlabelled(records, [], on_s=1.0, off_s=3.0) == 0
