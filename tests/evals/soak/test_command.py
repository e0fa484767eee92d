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
]


@pytest.fixture(scope="module")
def stub():
    command = [sys.executable, "-m", "evals.load.stub_model", "--service-time-s", "0.002", "--itl-s", "0.001"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        yield ("--url", json.loads(process.stdout.readline())["url"], "--pid", str(process.pid))
        process.terminate()


def test_ctrl_c_ends_it_with_what_was_measured(stub, tmp_path):
    pytest.importorskip("pyarrow")
    folder = tmp_path / "soak"
    command = [*COMMAND, "soak", "--minutes", "0.5", *stub, "--rate", "50", "--out", str(folder), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert b"soaking" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    found = json.loads(out)
    assert (process.returncode, found["interrupted"], found["errors"]) == (130, True, 0)
    run, samples = load_run(folder)
    assert (run.kind, run.summary["requests"], len(samples)) == ("soak", found["requests"], found["samples"])
    assert all(sample["rss_mib"] > 10 for sample in samples)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--url", "http://127.0.0.1:1"), "go together"),
        (("--url", "http://10.0.0.1", "--pid", "1"), "--i-own-this-target"),
        (("--url", "http://127.0.0.1:1", "--pid", "4194304"), "cannot measure process"),
        ((), "no service holds"),
    ],
)
def test_what_cannot_be_measured_is_said_at_once(options, complaint, tmp_path, monkeypatch):
    monkeypatch.setenv("STEADYRAG_DATA_DIR", str(tmp_path))
    with pytest.raises(CannotMeasure, match=complaint):
        CliRunner().invoke(app, ["soak", "--minutes", "1", *options], catch_exceptions=False)
