import socket
import urllib.request

import pytest

from tests.support.processes import Environment, serving


def test_it_says_where_it_serves_and_when_it_stopped(scratch, model_folder):
    with serving(Environment(scratch / "data", model_folder, index__shards=1)) as served:
        assert served.url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{served.url}/health") as response:
            assert response.status == 200
            assert not {"server", "date"} & {name.lower() for name in response.headers}
    first, last = served.said.splitlines()
    assert first == f"steadyrag serves {served.url} (API docs at {served.url}/docs, Ctrl-C stops)"
    assert last == "steadyrag stopped"


def test_the_address_of_ipv6(scratch, model_folder):
    with serving(Environment(scratch / "data", model_folder, index__shards=1), "--host", "::1") as served:
        assert served.url.startswith("http://[::1]:")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workers", "2"], "--workers above 1"),
        (["--host", "0.0.0.0"], "listens on loopback only"),
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
    assert result.error == f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --port"
    assert not (scratch / "data").exists(), "it stopped before it touched the data"


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none(command, port):
    result = command("serve", f"--port={port}")
    assert result.status == 2
    assert "--port" in result.err
    assert "Traceback" not in result.err
