"""The diary of what is done, and the end of an experiment that does too much harm."""

import signal

import pytest

from chaos.load.traffic import ABORT, ACTIVITY, PHASE
from chaos.toolkit import control


@pytest.fixture
def given_up(monkeypatch):
    """Collects the exits, which Chaos Toolkit makes by a signal to the process: it would end the tests."""
    exits = []
    monkeypatch.setattr(control, "exit_gracefully", lambda: exits.append(signal.SIGUSR1))
    return exits


async def test_actions_are_noted_and_probes_are_not(do, configuration, traffic):
    for kind, name in (("action", "delay Qdrant"), ("probe", "availability")):
        context = {"type": kind, "name": name}
        await do(control.before_activity_control, context, configuration, availability_below=0.5, for_s=1.0)
    assert [(event.kind, event.name) for event in traffic.events] == [(ACTIVITY, "delay Qdrant")]
    assert traffic.figures(1.0)["doing"] == "delay Qdrant"


@pytest.mark.parametrize(("below", "ends"), [(0.5, False), (1.1, True)])
async def test_it_ends_where_too_little_was_answered(do, configuration, traffic, until, given_up, below, ends):
    traffic.note(PHASE, "baseline")
    await until(lambda: traffic.figures(0.1)["ended"] and traffic.now_s() > 0.1)
    await do(control.after_hypothesis_control, {}, configuration, availability_below=below, for_s=0.1)
    assert bool(given_up) is ends
    assert any(event.kind == ABORT for event in traffic.events) is ends


async def test_it_does_not_end_before_the_time_has_passed(do, configuration, traffic, until, given_up):
    traffic.note(PHASE, "baseline")
    await until(lambda: traffic.figures(60.0)["ended"])
    await do(control.after_hypothesis_control, {}, configuration, availability_below=1.1, for_s=60.0)
    assert not given_up
