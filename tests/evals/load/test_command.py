import json
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from evals.cli import app
from evals.errors import CannotMeasure
from evals.runs import load_run

COMMAND = [
    sys.executable,
    "-c",
    "from rag.cli.output import exit_on_error\nfrom evals.cli import app\nwith exit_on_error(): app()",
    "latency",
]


@pytest.fixture(scope="module")
def stub():
    command = [sys.executable, "-m", "evals.load.stub_model", "--service-time-s", "0.002", "--itl-s", "0.001"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        yield json.loads(process.stdout.readline())["url"]
        process.terminate()


def latency(*options):
    return CliRunner().invoke(app, ["latency", *options], catch_exceptions=False)


def test_json_is_one_object_on_the_last_line_of_stdout(stub):
    done = latency("--url", stub, "--rate", "100", "--duration", "0.3", "--slo", "ttft=5,e2e=5", "--json")
    assert done.exit_code == 0
    figures = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert (figures["errors"], figures["goodput_rps"]) == (0, figures["achieved_rps"])


def test_without_json_stdout_is_empty(stub):
    done = latency("--url", stub, "--rate", "50", "--duration", "0.2", "--no-stream")
    assert (done.exit_code, done.stdout) == (0, "")


def test_out_keeps_the_run_but_no_key(stub, tmp_path):
    pytest.importorskip("pyarrow")
    folder = tmp_path / "run"
    options = ("--url", stub, "--rate", "50", "--duration", "0.2", "--seed", "3", "--api-key", "hush")
    done = latency(*options, "--out", str(folder), "--json")
    run, rows = load_run(folder)
    assert run.summary == json.loads(done.stdout)
    assert (run.kind, run.seed, run.config["rate_rps"], len(rows)) == ("latency", 3, 50.0, run.summary["requests"])
    assert "hush" not in (folder / "run.json").read_text()
    with pytest.raises(CannotMeasure, match="already holds a run"):
        latency(*options, "--out", str(folder))


HERE = ("--url", "http://127.0.0.1:1")
ONCE = (*HERE, "--rate", "1", "--duration", "1")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--url", "http://10.0.0.1"), "--i-own-this-target"),
        (("--url", "nowhere"), "not an http"),
        (HERE, "--rate and --duration"),
        (ONCE, "nothing answers"),
        ((*ONCE, "--slo", "p99=1"), "no objective"),
        ((*ONCE, "--extra", "[]"), "--extra"),
        ((*ONCE, "--extra", "{"), "--extra"),
        ((*HERE, "--trace", "missing.jsonl"), r"missing\.jsonl"),
        (("--url", "http://host.invalid", "--rate", "1", "--duration", "1", "--i-own-this-target"), "nothing answers"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is_sent(options, complaint):
    with pytest.raises(CannotMeasure, match=complaint):
        latency(*options)


def test_bad_usage_is_one_clear_line_and_status_2():
    done = subprocess.run([*COMMAND, *ONCE, "--json"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("steadyrag: nothing answers at http://127.0.0.1:1")
    assert done.stderr.count("\n") == 1


def test_ctrl_c_reports_what_was_measured(stub):
    command = [*COMMAND, "--url", stub, "--rate", "200", "--duration", "60", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert "sending" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    figures = json.loads(out)
    assert (process.returncode, figures["valid"], figures["errors"]) == (130, False, 0)
    assert "stopped before its end" in figures["invalid_reasons"]
    assert "this run is not valid: stopped before its end" in err
    assert figures["window_s"] < 30


def test_help_has_examples():
    assert "steadyrag eval latency --url http://127.0.0.1:8000 --rate 20" in latency("--help").stdout
