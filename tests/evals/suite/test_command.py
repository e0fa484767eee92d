import json

import pytest
from typer.testing import CliRunner

from evals.cli import app

HELPFUL = '[[step]]\nname = "help"\nrun = ["eval", "gate", "--help"]\n'
WRONG = '[[step]]\nname = "wrong"\nrun = ["eval", "gate"]\n[[step]]\nname = "after"\nrun = ["x"]\nneeds = ["wrong"]\n'


@pytest.fixture
def suite(tmp_path):
    def call(text, *options):
        (tmp_path / "nightly.toml").write_text(text)
        return CliRunner().invoke(app, ["suite", str(tmp_path / "nightly.toml"), *options], catch_exceptions=False)

    return call


def test_commands_of_ours_are_run_and_kept_beside_the_file(suite, tmp_path):
    done = suite(HELPFUL, "--json")
    figures = json.loads(done.stdout)
    assert (done.exit_code, figures["passed"], figures["steps"][0]["outcome"]) == (0, True, "passed")
    assert "--candidate" in (tmp_path / "nightly.runs/help.out").read_text()


def test_a_step_that_fails_fails_the_suite_and_people_see_which(suite):
    done = suite(HELPFUL + WRONG)
    assert (done.exit_code, done.stdout) == (1, "")
    for word in ("wrong", "failed", "after", "skipped"):
        assert word in done.stderr
