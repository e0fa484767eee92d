"""The lab as a process: what it says, and that nothing is left of it, however it ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager

import pytest

from tests.support.processes import Environment, alive, children

pytestmark = pytest.mark.slow
#: The small corpus takes less; what hangs must not hang the suite.
TIMEOUT_S = 60.0


@contextmanager
def started(model_folder, *arguments):
    """The process; killed if it still runs at the end."""
    environment = Environment("unused", model_folder)
    command = [sys.executable, "-m", "chaos.lab", *map(str, arguments)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        limit = threading.Timer(TIMEOUT_S, process.kill)
        limit.start()
        try:
            yield process
        finally:
            limit.cancel()
            process.kill()


def pids(control_url):
    with urllib.request.urlopen(control_url, timeout=5) as state:
        return [child["pid"] for child in json.load(state)["children"].values()]


def wait_until_gone(left):
    while any(map(alive, left)):
        pass


def test_a_folder_that_is_kept_is_used_again_and_nothing_is_left_behind(model_folder, beir, scratch):
    arguments = ["--folder", scratch / "lab", "--data", beir, "--shards", 1]
    with started(model_folder, *arguments) as first:
        told = json.loads(first.stdout.readline())
        left = pids(told["control_url"])
        assert len(left) == 7
        assert all(map(alive, left))
        first.kill()  # nothing can be cleared away by us
        wait_until_gone(left)
    with started(model_folder, *arguments) as second:
        told = json.loads(second.stdout.readline())
        left = pids(told["control_url"])
        second.send_signal(signal.SIGINT)
        assert second.wait() == 0
        said = second.stderr.read()
    assert not [pid for pid in left if alive(pid)]
    assert said == "lab: starting Redis, Qdrant, models, fault proxy and API\n"  # and took nothing in
    assert (scratch / "lab" / "qdrant").is_dir()


def test_two_ctrl_c_while_it_starts_end_it_at_once(model_folder, beir, tmp_path):
    with started(model_folder, "--data", beir) as process:
        process.stderr.readline()
        while len(left := children(process.pid)) < 6:
            pass
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
        assert "Traceback" not in process.stderr.read()
    assert not [pid for pid in left if alive(pid)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--data", os.devnull], "lab: /dev/null has no corpus.jsonl, nor corpus.jsonl.gz\n"),
        (["--replicas", "0"], "lab: a lab has at least one replica\n"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(model_folder, arguments, told):
    with started(model_folder, *arguments) as process:
        assert process.wait() == 1
        assert process.stderr.read() == told
