import json

import pytest
from typer.testing import CliRunner

from evals.cli import app
from evals.runs import Run, save_run

pytest.importorskip("pyarrow")


@pytest.fixture
def runs(tmp_path):
    """A baseline, the same again, and one that is worse."""
    for name, contains in (("base", 1.0), ("same", 1.0), ("worse", 0.0)):
        (tmp_path / name).mkdir()
        rows = [{"query": f"q{n}", "contains": contains if n % 2 else 1.0, "f1": None} for n in range(40)]
        save_run(tmp_path / name, Run.made_here("answers", 0.0, 0, {}, {}), rows)
    return tmp_path


def gate(runs, candidate, *options):
    options = ["gate", "--baseline", str(runs / "base"), "--candidate", str(runs / candidate), *options]
    return CliRunner().invoke(app, options, catch_exceptions=False)


def test_the_same_run_passes(runs):
    done = gate(runs, "same", "--json")
    figures = json.loads(done.stdout)
    assert (done.exit_code, figures["passed"], figures["measures"]["contains"]["difference"]) == (0, True, 0.0)


def test_a_regression_fails_and_says_which(runs):
    done = gate(runs, "worse", "--json")
    assert (done.exit_code, done.stdout.count("\n")) == (1, 1)
    assert json.loads(done.stdout)["regressed"] == ["contains"]
    assert "significantly worse: contains" in done.stderr


def test_people_get_a_table(runs):
    done = gate(runs, "worse")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "-0.500" in done.stderr


def test_a_stricter_bound_stops_less(runs):
    assert gate(runs, "worse", "--alpha", "0.0001").exit_code == 1 - (1 / 10_000 > 0.0001)
