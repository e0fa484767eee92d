import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from evals.cli import app
from evals.errors import CannotMeasure
from evals.runs import load_run


@pytest.fixture(scope="module")
def stub():
    command = [sys.executable, "-m", "evals.load.stub_model", "--service-time-s", "0.002", "--itl-s", "0.001"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        yield json.loads(process.stdout.readline())["url"]
        process.terminate()


def sweep(*options):
    return CliRunner().invoke(app, ["sweep", *map(str, options)], catch_exceptions=False)


def test_a_real_sweep_finds_a_rate_and_keeps_its_runs(stub, tmp_path):
    pytest.importorskip("pyarrow")
    folder = tmp_path / "sweep"
    options = ("--url", stub, "--rates", "20,40", "--duration", "0.3", "--slo", "e2e=5")
    done = sweep(*options, "--out", folder, "--json")
    figures = json.loads(done.stdout)
    assert (done.exit_code, figures["max_sustainable_rps"], figures["broke"]) == (0, 40, False)
    assert figures["operating_point"]["rate_rps"] == 32
    assert load_run(folder / "rate-20")[0].config["slo"] == "e2e=5"


def test_people_get_a_table_that_says_what_breaks(stub):
    done = sweep("--url", stub, "--rates", "50", "--duration", "0.2", "--slo", "e2e=0.00001")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "which breaks it" in done.stderr
    assert "no rate keeps the objective" in done.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--url", "http://10.0.0.1", "--rates", "1", "--slo", "e2e=1"), "--i-own-this-target"),
        (("--url", "http://127.0.0.1:1", "--rates", "1", "--slo", ""), "--slo"),
        (("--url", "http://127.0.0.1:1", "--rates", "2,1", "--slo", "e2e=1"), "rising"),
        (("--url", "http://127.0.0.1:1", "--rates", "1", "--slo", "e2e=1"), "nothing answers"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is_sent(options, complaint):
    with pytest.raises(CannotMeasure, match=complaint):
        sweep(*options)
