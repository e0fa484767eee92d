"""`steadyrag chaos` as its users meet it."""

import orjson
import pytest
from typer.testing import CliRunner

from chaos import campaign, command
from chaos.cli import app
from chaos.errors import BadExperiment, CannotRun
from chaos.runner import unfinished

OWNED = ["--url", "http://127.0.0.1:1", "--i-own-this-target"]


def invoke(*arguments):
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def verdicts(monkeypatch):
    """Verdicts of runs that do nothing, by experiment; "pass" for others. Yields them."""
    told = {}

    async def run(experiment, _target, plan, _folder):
        known = {"verdict": told.get(experiment.name, "pass"), "reasons": []}
        return {**unfinished(experiment.name, plan.seed, []), **known}

    monkeypatch.setattr(campaign.runner, "run", run)
    return told


def test_list_names_all_of_them():
    listed = orjson.loads(invoke("list", "--json").stdout.splitlines()[-1])["experiments"]
    assert len(listed) == 16
    assert listed[0].keys() == {"name", "title", "core"}
    assert invoke("list").exit_code == 0


@pytest.mark.parametrize("name", ["run", "sweep", "report", "list", "proxy"])
def test_help_has_an_example(name):
    assert f"steadyrag chaos {name}" in " ".join(invoke(name, "--help").output.split())


def test_a_pass_is_told_as_one_object_on_the_last_line(verdicts):
    done = invoke("run", "spike-10x", *OWNED, "--json")
    assert done.exit_code == 0
    (figures,) = orjson.loads(done.stdout.splitlines()[-1])["experiments"]
    assert (figures["experiment"], figures["verdict"]) == ("spike-10x", "pass")


@pytest.mark.parametrize("verdict", ["fail", "invalid"])
def test_all_but_a_pass_ends_with_status_1(verdicts, verdict):
    verdicts["spike-10x"] = verdict
    assert invoke("run", "spike-10x", *OWNED).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (["run", "nothing"], BadExperiment, "no experiment 'nothing'"),
        (["run", "spike-10x", "--url", "http://127.0.0.1:1"], CannotRun, "--i-own-this-target"),
        (["run", "vector-db-down", *OWNED], CannotRun, "name it with --proxy"),
        (["sweep", "vector-db-latency", "--values", "1,x"], CannotRun, "numbers with commas between"),
        (["sweep", "core", "--values", "1"], CannotRun, "a sweep is of one experiment"),
        (["sweep", "slow-client", "--values", "1", "--url", "http://127.0.0.1:1"], CannotRun, "--i-own-this-target"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, error, said):
    done = invoke(*arguments)
    assert isinstance(done.exception, error)
    assert said in done.exception.message


def test_a_folder_without_results_has_no_report(tmp_path):
    assert "holds no results" in invoke("report", str(tmp_path)).exception.message


def test_quick_is_short_unless_more_is_asked_for():
    assert command._plan(quick=True, requests=None, rate=None, seed=1, data=None).requests == command.QUICK_REQUESTS
    assert command._plan(quick=True, requests=9, rate=2.0, seed=1, data=None).requests == 9
    assert command._plan(quick=False, requests=None, rate=None, seed=1, data=None).requests is None


def test_strengths_keep_their_kind():
    assert command._numbers("50,0.5") == [50, 0.5]
    assert isinstance(command._numbers("50")[0], int)
