import asyncio
import json
import os
import socket
import sys

import aiohttp
import pytest

from evals.bench.processes import free_port, run, server, steadyrag

SERVE = [sys.executable, "-m", "evals.bench.bare_handler"]


def python(program):
    return [sys.executable, "-c", program]


def test_a_command_that_has_run():
    done = run(python("import os; print(os.environ['NAME'])"), {"NAME": "value"})
    assert done.stdout == "value\n"
    assert done.wall_s > 0


def test_the_peak_is_the_commands_own():
    parents = b"x" * (200 << 20)
    assert run(python("pass"), {}).peak_mib < 100
    assert 64 < run(python("b'x' * (64 << 20)"), {}).peak_mib < 164
    assert parents


def test_a_command_that_failed_says_why():
    with pytest.raises(RuntimeError, match="ended with 3: because"):
        run(python("import sys; sys.stderr.write('because'); sys.exit(3)"), {})


def test_the_command_of_this_environment():
    command = steadyrag("ask", "What?")
    assert os.access(command[0], os.X_OK)
    assert command[1:] == ["ask", "What?"]


def test_a_free_port_can_be_taken():
    with socket.create_server(("127.0.0.1", free_port())):
        pass


async def test_a_server_runs_while_the_block_does():
    port = free_port()
    url = f"http://127.0.0.1:{port}/ready"
    async with aiohttp.ClientSession() as session:
        answer = json.dumps({"choices": [{"message": {"content": "ü"}}]})
        async with server([*SERVE, str(port), answer], url, {}) as start_s:
            assert start_s > 0
            async with session.get(url) as response:
                assert response.status == 200
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)


async def test_a_server_that_ends_before_it_is_ready_is_an_error():
    with pytest.raises(RuntimeError, match="before it was ready"):
        async with server(python("pass"), f"http://127.0.0.1:{free_port()}/ready", {}):
            pytest.fail("the block is not entered")


async def test_a_server_that_does_not_stop_is_killed(monkeypatch):
    monkeypatch.setattr("evals.bench.processes.STOP_TIMEOUT_S", 0.1)
    port = free_port()
    deaf = (
        "import http.server as h, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"h.HTTPServer(('127.0.0.1', {port}), h.SimpleHTTPRequestHandler).serve_forever()"
    )
    async with asyncio.timeout(30), server(python(deaf), f"http://127.0.0.1:{port}/", {}):
        pass
    with socket.create_server(("127.0.0.1", port)):
        pass
