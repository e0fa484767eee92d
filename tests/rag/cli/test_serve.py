import os
import signal
import socket
import subprocess
import urllib.request
from urllib.parse import urlsplit

import pytest

from tests.support.processes import COMMAND, Environment, serving


def test_it_says_where_it_serves_and_when_it_stopped(scratch, model_folder):
    with serving(Environment(scratch / "data", model_folder, index__shards=1)) as served:
        assert served.url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{served.url}/health") as response:
            assert response.status == 200
            assert not {"server", "date"} & {name.lower() for name in response.headers}
    first, open_to, last = served.said.splitlines()
    assert first == f"steadyrag serves {served.url} (API docs at {served.url}/docs, Ctrl-C stops)"
    assert open_to == "no key is needed, so only this machine is served; see steadyrag keys"
    assert last == "steadyrag stopped"


def test_the_address_of_ipv6(scratch, model_folder):
    with serving(Environment(scratch / "data", model_folder, index__shards=1), "--host", "::1") as served:
        assert served.url.startswith("http://[::1]:")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workers", "2"], "--workers above 1"),
        (["--host", "0.0.0.0"], "callers need keys, and there are none"),
        (["--config", "nowhere.toml"], "no such configuration file"),
    ],
)
def test_what_it_does_not_do_is_said(command, arguments, said):
    result = command("serve", *arguments)
    assert result.status == 2
    assert said in result.error


def test_a_port_in_use(command, scratch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = command("serve", "--port", port)
    assert result.status == 2
    said = f"port {port} of 127.0.0.1 is in use by another program; stop it, or choose another with --port"
    assert result.error == said
    assert not (scratch / "data").exists(), "it stopped before it touched the data"


def test_a_service_that_runs_already_is_told_from_another_program(command, running, monkeypatch):
    monkeypatch.setenv("STEADYRAG_DATA_DIR", str(running.data_dir))
    result = command("serve", "--port", urlsplit(running.url).port)
    assert result.status == 2
    assert result.error == (
        f"steadyrag runs already: process {running.process.pid} serves {running.url} from {running.data_dir}; "
        "use it, or stop it first"
    )


def test_a_data_folder_that_a_service_on_another_port_holds_is_told_from_a_port_in_use(command, running, monkeypatch):
    monkeypatch.setenv("STEADYRAG_DATA_DIR", str(running.data_dir))
    result = command("serve", "--port", "0")
    said = f"the data folder {running.data_dir} is in use by process {running.process.pid}, serving {running.url}; "
    assert result.status == 2
    assert said in result.err
    assert "set STEADYRAG_DATA_DIR to another folder" in result.err


@pytest.mark.slow
def test_ctrl_c_while_the_model_is_exported(tmp_path):
    environment = Environment(tmp_path / "data", tmp_path / "cache" / "models" / "none")
    command = [COMMAND, "serve", "--port", "0"]
    terminal = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, env=environment, **terminal) as process:
        assert process.stderr.readline().startswith("Exporting ")
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stderr.read()
    assert (process.returncode, rest) == (130, "stopped\n")
    assert list((tmp_path / "cache" / "models").iterdir()) == []


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none(command, port):
    result = command("serve", f"--port={port}")
    assert result.status == 2
    assert "--port" in result.err
    assert "Traceback" not in result.err
