import json
import os
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from evals.cli import app
from evals.errors import CannotMeasure
from evals.load.generator import LoadRun
from evals.runs import load_run
from evals.soak import command

COMMAND = [
    sys.executable,
    "-c",
    "from rag.cli.output import exit_on_error\nfrom evals.cli import app\nwith exit_on_error(): app()",
]


@pytest.fixture(scope="module")
def stub():
    serving = [sys.executable, "-m", "evals.load.stub_model", "--service-time-s", "0.002", "--itl-s", "0.001"]
    with subprocess.Popen(serving, stdout=subprocess.PIPE) as process:
        yield ("--url", json.loads(process.stdout.readline())["url"], "--pid", str(process.pid))
        process.terminate()


def test_ctrl_c_ends_it_with_what_was_measured(stub, tmp_path):
    pytest.importorskip("pyarrow")
    folder = tmp_path / "soak"
    soaking = [*COMMAND, "soak", "--minutes", "0.5", *stub, "--rate", "50", "--out", str(folder), "--json"]
    with subprocess.Popen(soaking, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert b"soaking" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    found = json.loads(out)
    assert (process.returncode, found["interrupted"], found["errors"]) == (130, True, 0)
    run, samples = load_run(folder)
    assert (run.kind, run.summary["requests"], len(samples)) == ("soak", found["requests"], found["samples"])
    assert all(sample["rss_mib"] > 10 for sample in samples)


async def leaking(options, planned, *, api_key, watch):
    """A load of half an hour, beside which the service holds more and more."""
    sampler = watch.args[0]
    answers = {"p50_ms": 20.0, "p99_ms": 30.0}
    sampler.samples += [
        {"at_s": 60.0 * n, "rss_mib": 500.0 + 10 * n, "handles": 40.0, "threads": 9.0, **answers} for n in range(30)
    ]
    return LoadRun([], 1_800.0, 0.1, interrupted=False)


def test_a_leak_is_named_and_the_status_is_1(monkeypatch):
    monkeypatch.setattr(command, "measure", leaking)
    here = ("--url", "http://127.0.0.1:1", "--pid", str(os.getpid()))
    done = CliRunner().invoke(app, ["soak", "--minutes", "30", *here])
    assert done.exit_code == 1
    assert "rss_mib grows by more than 10%" in done.stderr


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
