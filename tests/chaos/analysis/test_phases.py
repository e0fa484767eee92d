import math

from chaos.analysis.phases import (
    Span,
    breaker_states,
    fault_window,
    last_opening,
    openings,
    phases,
    state,
)


def event(at_s, kind, name="", detail=""):
    return {"at_s": at_s, "kind": kind, "name": name, "detail": detail}


OPENED = [
    event(12.5, "breaker", "index:1", "open"),
    event(11.0, "breaker", "index:0", "open"),
    event(12.0, "breaker", "index:0", "half-open"),
    event(12.2, "breaker", "index:0", "open"),
    event(31.0, "breaker", "late", "open"),
]


def test_phases_by_name():
    config = {"phases": [{"name": "baseline", "start_s": 0, "end_s": 5}, {"name": "fault", "start_s": 5, "end_s": 9}]}
    assert phases(config)["fault"] == Span(5.0, 9.0)
    assert phases(config)["fault"].seconds == 4.0


def test_a_phase_that_was_not_reached_is_empty():
    assert phases({"phases": [{"name": "baseline", "start_s": 0, "end_s": 5}]})["recovery"] == Span(5.0, 5.0)
    assert phases({"phases": []})["fault"] == Span(0.0, 0.0)


def test_the_fault_was_there_from_the_first_on_to_the_last_off():
    events = [event(7, "fault-off"), event(2, "fault-on"), event(3, "fault-on"), event(8, "fault-off")]
    assert fault_window(events, Span(1, 9)) == Span(2, 8)


def test_without_events_the_phase_is_the_window():
    assert fault_window([], Span(1, 9)) == Span(1, 9)


def test_openings_are_the_first_ones_in_the_window():
    opened = openings(OPENED, Span(10, 30))
    assert opened == {"index:0": 11.0, "index:1": 12.5}
    assert last_opening(opened) == 12.5
    assert last_opening({}) == math.inf


def test_states_follow_each_other_without_gaps():
    states = breaker_states(OPENED, 40.0)
    assert list(states) == ["index:0", "index:1", "late"]
    assert states["index:0"] == [
        (0.0, 11.0, "closed"),
        (11.0, 12.0, "open"),
        (12.0, 12.2, "half-open"),
        (12.2, 40.0, "open"),
    ]


def test_a_state_is_told_in_several_ways():
    assert state(event(0, "breaker", detail="open")) == "open"
    assert state(event(0, "breaker", detail="open for 1 s")) == "open"
    assert state(event(0, "breaker", detail={"old": "closed", "new": "open"})) == "open"
    assert state(event(0, "process", detail={"state": "killed"})) == "killed"
    assert state({"at_s": 0, "kind": "process", "name": "redis"}) == ""
