"""Chaos Toolkit as a child: a real run of a small experiment, a refusal, and an end that plays the rollbacks."""

import asyncio

import pytest
import yaml

from chaos.errors import CannotRun
from chaos.toolkit import process
from chaos.toolkit.calls import call

CONTROL = "chaos.toolkit.control"


def probe(name, tolerance):
    provider = {"type": "python", "module": "chaos.toolkit.probes", "func": name}
    return {"name": name, "type": "probe", "tolerance": tolerance, "provider": provider}


def action(func, **arguments):
    provider = {"type": "python", "module": "chaos.toolkit.actions", "func": func, "arguments": arguments}
    return {"name": func, "type": "action", "provider": provider}


@pytest.fixture
def experiment(tmp_path):
    """Writes an experiment; gives its path."""

    def write(*method, tolerance=0, abort_below=0.5):
        arguments = {"availability_below": abort_below, "for_s": 0.1}
        content = {
            "title": "a small one",
            "description": "told",
            "configuration": {"load_url": "", "proxy_url": "", "seconds": 0},
            "steady-state-hypothesis": {"title": "steady", "probes": [probe("unlabelled_degraded", tolerance)]},
            "controls": [{"name": "abort", "provider": {"type": "python", "module": CONTROL, "arguments": arguments}}],
            "method": list(method),
            "rollbacks": [action("end_spike")],
        }
        path = tmp_path / "experiment.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


async def test_a_run_has_a_journal(experiment, configuration, traffic, tmp_path):
    path = experiment(action("phase", name="baseline", seconds="${seconds}"), action("spike", factor=2))
    journal = await process.run(path, {**configuration, "seconds": 0.01}, tmp_path)
    assert (journal["status"], journal["deviated"]) == ("completed", False)
    assert not process.deviated(journal, aborted=False)
    assert process.obstacles(journal) == []
    assert [event.kind for event in traffic.events if event.kind != "activity"] == ["phase", "fault-on", "fault-off"]


async def test_what_is_not_steady_to_begin_with_is_not_broken(experiment, configuration, traffic, tmp_path):
    journal = await process.run(experiment(action("spike", factor=2), tolerance=1), dict(configuration), tmp_path)
    assert process.obstacles(journal) == ["not steady before the fault: unlabelled_degraded is 0"]
    assert traffic.factor == 1


async def test_an_action_that_fails_is_an_obstacle(experiment, configuration, tmp_path):
    path = experiment(action("add_toxic", proxy="nothing", toxic="latency"))
    journal = await process.run(path, dict(configuration), tmp_path)
    (obstacle,) = process.obstacles(journal)
    assert obstacle.startswith("add_toxic: ")
    assert "404" in obstacle


async def test_an_experiment_that_is_none_is_refused_in_its_own_words(experiment, configuration, tmp_path):
    path = experiment({"name": "x", "type": "nothing"})
    with pytest.raises(CannotRun, match=r"Chaos Toolkit did not run experiment\.yaml, status 1: .*nothing"):
        await process.run(path, dict(configuration), tmp_path)


async def test_cancelled_it_plays_the_rollbacks(experiment, configuration, traffic, until, tmp_path):
    path = experiment(action("spike", factor=2), action("phase", name="fault", seconds=600))
    running = asyncio.create_task(process.run(path, dict(configuration), tmp_path))
    await until(lambda: traffic.phase == "fault")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert traffic.factor == 1
    assert [event.kind for event in traffic.events if event.name == "load"] == ["fault-on", "fault-off"]


async def test_too_much_harm_ends_it_with_its_rollbacks(experiment, configuration, traffic, stub, tmp_path):
    calm, faulty = (action("phase", name=name, seconds=s) for name, s in (("baseline", 0.2), ("fault", 600)))
    path = experiment(calm, action("spike", factor=2), faulty, abort_below=1.1)
    journal = await process.run(path, dict(configuration), tmp_path)
    assert journal["status"] == "interrupted"
    assert process.deviated(journal, aborted=True)
    assert traffic.factor == 1
    assert any(event.kind == "abort" for event in traffic.events)
    assert (await call("GET", f"{configuration['load_url']}/figures"))["availability"] == 1.0


def journal(*, deviated=False, during=(), before=True):
    probes = [{"activity": {"name": "p95"}, "status": "succeeded", "output": 7}]
    return {
        "deviated": deviated,
        "steady_states": {
            "before": {"steady_state_met": before, "probes": probes},
            "during": [{"steady_state_met": met} for met in during],
        },
        "run": [],
        "rollbacks": [],
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (journal(), False),
        (journal(deviated=True), True),
        (journal(during=[True, False, True]), True),
        (journal(during=[True]), False),
    ],
)
def test_the_steady_state_is_left_at_any_time(given, expected):
    assert process.deviated(given, aborted=False) is expected
    assert process.deviated(given, aborted=True)
