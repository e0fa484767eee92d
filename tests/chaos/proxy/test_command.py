import json
import os
import resource
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager

import pytest

TIMEOUT_S = 30.0
COMMAND = [sys.executable, "-m", "chaos.proxy"]


@contextmanager
def started(*arguments, **options):
    """The command as a process, and the address in its first line."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    with subprocess.Popen([*COMMAND, "--listen", "127.0.0.1:0", *arguments], **pipes) as process:
        try:
            words = process.stdout.readline().split()
            assert words[:2] == ["listening", "on"]
            yield process, words[2]
        finally:
            process.kill()


def get(address, path):
    with urllib.request.urlopen(f"http://{address}{path}", timeout=TIMEOUT_S) as response:
        return json.loads(response.read())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_at_once_when_it_is_asked_to(tmp_path, number):
    config = tmp_path / "proxies.json"
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        address = f"127.0.0.1:{upstream.getsockname()[1]}"
        config.write_text(json.dumps([{"name": "test", "listen": "127.0.0.1:0", "upstream": address}]))
        with started("--config", str(config), "--seed", "7") as (process, api):
            host, _, port = get(api, "/proxies")["test"]["listen"].rpartition(":")
            with socket.create_connection((host, int(port)), timeout=TIMEOUT_S) as open_one:
                upstream.accept()[0].close()
                process.send_signal(number)
                assert process.wait(TIMEOUT_S) == 0
                assert open_one.recv(1) == b""
            assert "seed 7" in process.stderr.read()


def test_it_may_open_as_many_files_as_it_can():
    with started(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 512))) as (process, _):
        assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (512, 512)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--listen", "nonsense"), "--listen nonsense: "),
        (("--listen", "192.0.2.1:1"), "only addresses of the loopback, unless started with --beyond-loopback"),
        (("--config", "absent.json"), "--config absent.json: "),
    ],
)
def test_what_makes_it_impossible_is_one_line(arguments, told):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_config_that_is_wrong_is_one_line(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    command = [*COMMAND, "--listen", "127.0.0.1:0", "--config", "a.json"]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "--config: bad request body: not a JSON array\n"
