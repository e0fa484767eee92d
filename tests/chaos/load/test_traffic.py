"""The load of an experiment: a clock that starts with the first phase, a diary, and rows cut into phases."""

import asyncio
import itertools

import pytest

from chaos.load.traffic import ACTIVITY, FAULT_OFF, FAULT_ON, PHASE, Traffic, TrafficOptions

QUESTIONS = ["why?", "how?"]


def options(url="http://127.0.0.1:9", **fields):
    return TrafficOptions(**{"url": url, "rate_rps": 50.0, "seed": 7, "deadline_s": 5.0, **fields})


class Ticking:
    """A clock that is set by hand."""

    def __init__(self):
        self.s = 100.0

    def __call__(self):
        return self.s


def rows_of(traffic):
    """Requests that the present phase has."""
    return sum(row["phase"] == traffic.phase for row in traffic.rows(traffic.phases()))


def times(seed, factor=1.0, number=1_000):
    traffic = Traffic(options(seed=seed), QUESTIONS)
    traffic.factor = factor
    return [shot.at_s for shot in itertools.islice(traffic._shots(), number)]


def test_the_same_seed_asks_at_the_same_times():
    assert times(1) == times(1)
    assert times(1) != times(2)
    assert times(1)[-1] == pytest.approx(20.0, rel=0.15)


def test_a_factor_multiplies_the_rate_from_the_next_arrival_on():
    assert times(1, factor=10.0) == pytest.approx([at_s / 10 for at_s in times(1)])


def test_the_clock_starts_with_the_first_phase():
    clock = Ticking()
    traffic = Traffic(options(), QUESTIONS, clock=clock, wall=lambda: 1_000.0)
    clock.s += 5
    assert (traffic.phase, traffic.started_at) == ("warm-up", 1_000.0)
    traffic.note(PHASE, "baseline")
    clock.s += 2
    assert traffic.now_s() == 2.0
    assert (traffic.phase, traffic.started_at) == ("baseline", 1_005.0)


def test_phases_follow_the_diary_and_recovery_begins_with_the_end_of_the_fault():
    clock = Ticking()
    traffic = Traffic(options(), QUESTIONS, clock=clock)
    for kind, name, then_s in (
        (PHASE, "baseline", 10),
        (FAULT_ON, "x", 1),
        (PHASE, "fault", 10),
        (ACTIVITY, "heal", 0),
        (FAULT_OFF, "x", 2),
        (PHASE, "recovery", 5),
    ):
        traffic.note(kind, name)
        clock.s += then_s
    assert [(p["name"], p["start_s"], p["end_s"]) for p in traffic.phases()] == [
        ("baseline", 0.0, 11.0),
        ("fault", 11.0, 21.0),
        ("recovery", 21.0, 28.0),
    ]


def test_a_fault_that_has_ended_ends_no_second_time():
    traffic = Traffic(options(), QUESTIONS)
    for kind in (FAULT_ON, FAULT_OFF, FAULT_OFF):
        traffic.note(kind, "x")
    traffic.note(FAULT_OFF, "never begun")
    assert [event.kind for event in traffic.events] == [FAULT_ON, FAULT_OFF]


async def test_it_sends_until_it_is_stopped_and_gives_rows_by_phase(stub, until):
    traffic = Traffic(options(stub.url), QUESTIONS)
    sending = asyncio.create_task(traffic.run())
    await until(lambda: len(stub.served) > 5)
    for name in ("baseline", "fault"):
        traffic.note(PHASE, name)
        await until(lambda: rows_of(traffic) > 10)
    figures = traffic.figures(5.0)
    phases = traffic.phases()
    traffic.stop()
    run = await sending
    rows = traffic.rows(phases)
    assert figures["availability"] == 1.0
    assert figures["phase"] == "fault"
    assert {row["phase"] for row in rows} == {"baseline", "fault"}
    assert min(row["intended_s"] for row in rows) >= 0.0
    assert len(rows) < len(run.records) == len(stub.served)
    assert {served.outcome for served in stub.served} == {"done"}


async def test_answers_without_the_expected_label_are_counted_while_the_fault_lasts(stub, until):
    traffic = Traffic(options(stub.url, expected_labels=["dense-unavailable"]), QUESTIONS)
    sending = asyncio.create_task(traffic.run())
    await until(lambda: len(stub.served) > 2)
    assert traffic.figures(5.0)["unlabelled_degraded"] == 0
    traffic.note(FAULT_ON, "x")
    await until(lambda: traffic.figures(5.0)["unlabelled_degraded"] > 3)
    traffic.note(FAULT_OFF, "x")
    assert traffic.figures(5.0)["unlabelled_degraded"] > 3
    traffic.stop()
    await sending


def test_the_key_is_sent_and_told_to_nobody():
    keyed = options(api_key="secret")
    assert keyed.client()._headers["Authorization"] == "Bearer secret"
    assert "secret" not in repr(keyed)


def test_the_deadline_is_told_with_a_margin_and_waited_for_beyond_it():
    client = options(deadline_s=10.0).client()
    assert client._fields["steadyrag"] == {"timeout_s": 9.75}
    assert client._timeout.total == 12.0
    assert options(deadline_s=0.1).client()._fields["steadyrag"] == {"timeout_s": 0.05}
