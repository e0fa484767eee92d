import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from chaos.errors import CannotRun
from chaos.faults.process import Child
from tests.support.processes import alive

#: Answers each connection with its id; with an argument it does not end when it is told to, and leaves a child behind.
SERVER = """
import os, signal, socket, subprocess, sys
if len(sys.argv) > 2:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    print("serving", flush=True)
    while True:
        connection, _ = server.accept()
        with connection:
            connection.sendall(f"{os.getpid()} {other.pid}".encode())
"""


async def pids(port):
    """The ids of the server and of its own child."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return tuple(map(int, (await reader.read()).split()))
    finally:
        writer.close()


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
async def make(tmp_path, port):
    """A server: `make("stubborn", grace_s=0.1)`; it has ended after the test."""
    made = []

    async def answers():
        try:
            return bool(await pids(port))
        except OSError:
            return False

    def make(*arguments, program=SERVER, answers=answers, **more):
        command = (sys.executable, "-c", program, str(port), *arguments)
        made.append(Child("server", command, answers, env=dict(os.environ), log=tmp_path / "log", **more))
        return made[-1]

    yield make
    for child in made:
        child.abandon()
        await child.stop()


async def test_it_serves_when_start_returns_and_is_gone_when_stop_does(make, port):
    told, left, came = [], [], []
    child = make(
        observe=lambda name, state: told.append((name, state)),
        leave=lambda: left.append(child.state),
        come_back=lambda: came.append(child.state),
    )
    await child.start()
    own, other = await pids(port)
    assert (child.pid, child.state) == (own, "running")
    assert os.getpgid(own) == own != os.getpgid(0)
    await child.stop()
    assert left == came == ["running"]
    assert not alive(own)
    await gone(other)
    assert told == [("server", "running"), ("server", "ended")]
    await child.stop()


async def gone(pid):
    async with asyncio.timeout(10):
        while alive(pid):  # noqa: ASYNC110 - a process of another sets no event
            await asyncio.sleep(0.001)


async def test_a_pause_is_a_stall_and_not_a_refusal(make, port):
    child = make()
    await child.start()
    child.pause()
    assert child.state == "paused"
    asking = asyncio.create_task(pids(port))
    done, _ = await asyncio.wait({asking}, timeout=0.1)
    assert not done
    child.resume()
    assert (await asking)[0] == child.pid
    assert child.state == "running"


async def test_a_paused_one_can_be_stopped_in_order(make):
    child = make()
    await child.start()
    child.pause()
    await child.stop()
    assert not alive(child.pid)


async def test_killing_it_takes_what_it_started(make, port):
    child = make()
    await child.start()
    own, other = await pids(port)
    await child.kill()
    assert child.state == "ended"
    assert not alive(own)
    await gone(other)
    with pytest.raises(CannotRun, match="server does not run"):
        await child.kill()
    with pytest.raises(CannotRun, match="server does not run"):
        child.pause()


@pytest.mark.parametrize("first", ["stop", "kill", "pause"])
async def test_it_comes_back_at_the_same_place(make, port, first):
    child = make()
    await child.start()
    before = child.pid
    if first == "pause":
        child.pause()
    else:
        await getattr(child, first)()
    await child.restart()
    assert (await pids(port))[0] == child.pid != before
    assert child.state == "running"


async def test_one_that_does_not_obey_is_killed(make, port):
    child = make("stubborn", grace_s=0.05)
    await child.start()
    own, other = await pids(port)
    await child.stop()
    assert not alive(own)
    await gone(other)


async def test_its_own_end_is_noticed(make):
    ended = asyncio.Event()
    child = make(observe=lambda _, state: state == "ended" and ended.set())
    await child.start()
    os.kill(child.pid, signal.SIGKILL)
    await ended.wait()
    assert child.state == "ended"


async def test_one_that_cannot_start_says_why(make):
    child = make(program="import sys; sys.exit('no, because')")
    with pytest.raises(CannotRun, match="server ended with status 1: no, because"):
        await child.start()


async def test_one_that_never_serves_is_given_up(make):
    async def never():
        return False

    child = make(answers=never, ready_s=0.0)
    with pytest.raises(CannotRun, match="server does not serve after 0 s"):
        await child.start()


async def test_what_it_says_is_kept(make, tmp_path):
    child = make()
    await child.start()
    assert Path(tmp_path / "log").read_text() == "serving\n"  # noqa: ASYNC240 - a few bytes
