from chaos.load.doubts import MAX_LAG_P99_MS, doubts
from evals.load.records import Record


def records(number, lag_s, error=None):
    return [Record("r", 0.0, lag_s, 0.1, error=error) for _ in range(number)]


def test_a_load_that_is_a_little_late_is_none_the_worse():
    assert doubts(records(100, MAX_LAG_P99_MS / 1e3)) == []


def test_a_late_load_and_one_that_did_not_send_are_doubted():
    assert doubts(records(100, 0.2)) == ["schedule lag p99 200 ms > 50 ms"]
    assert doubts(records(9, 0.0) + records(1, 0.0, "not_sent")) == ["1 requests not sent: too many in flight"]
    assert doubts(records(3, 0.0, "not_sent")) == doubts([]) == ["nothing was sent"]
