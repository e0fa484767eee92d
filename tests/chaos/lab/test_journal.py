from contextlib import closing

import pytest

from chaos.faults.stall import Stall
from chaos.lab.journal import Journal, clear, read
from rag.resilience.events import BreakerChanged, CallRejected


@pytest.fixture
def make(tmp_path, clock):
    return lambda source: closing(Journal(tmp_path, source, clock.now))


def test_notes_of_all_are_read_in_the_order_of_time(tmp_path, make, clock):
    with make("api-0") as first, make("lab") as second:
        first.note("process", "redis", "paused")
        clock.advance(1)
        second.note("process", "redis", "running")
        clock.advance(1)
        first.note("process", "redis", "ended")
        events = read(tmp_path)
    assert [(event["source"], event["detail"]) for event in events] == [
        ("api-0", "paused"),
        ("lab", "running"),
        ("api-0", "ended"),
    ]
    assert read(tmp_path, since=events[0]["at"]) == events[1:]


def test_a_breakers_change_is_noted_and_other_events_are_not(tmp_path, make, clock):
    with make("api-0") as journal:
        journal.breaker(CallRejected("index:0", "open"))
        journal.breaker(BreakerChanged("index:0", "closed", "open", "slow-rate", 1.0))
    assert read(tmp_path) == [
        {
            "at": clock.now(),
            "source": "api-0",
            "kind": "breaker",
            "name": "index:0",
            "detail": "open",
            "old": "closed",
            "reason": "slow-rate",
        }
    ]


def test_a_fault_is_noted_as_it_was_asked_for(tmp_path, make):
    with make("api-0") as journal:
        journal.fault("stuck", "fault-on", Stall(seam="store", duration_s=2.0))
    (event,) = read(tmp_path)
    assert (event["kind"], event["name"]) == ("fault-on", "stuck")
    assert event["detail"] == {"seam": "store", "share": 1.0, "duration_s": 2.0, "kind": "stall"}


def test_a_line_that_is_being_written_is_passed_over(tmp_path, make):
    with make("api-0") as journal:
        journal.note("process", "redis", "paused")
    with (tmp_path / "journal-api-0.jsonl").open("ab") as file:
        file.write(b'{"at": 1')
    assert len(read(tmp_path)) == 1


def test_what_was_noted_can_be_forgotten(tmp_path, make):
    with make("api-0") as journal:
        journal.note("process", "redis", "paused")
    clear(tmp_path)
    assert read(tmp_path) == []
