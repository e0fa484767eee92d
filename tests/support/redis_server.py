"""A real Redis of the tests' own: Debian's, on a free port of loopback, without persistence."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest

START_S = 10.0
INSTALL_S = 300.0


def program():
    """The server's program; installed when there is none and this may do it, else the test is skipped, visibly."""
    if found := shutil.which("redis-server"):
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        # no daemon of the system's own: the tests start what they need
        environment = {**os.environ, "RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", "redis-server"]):
            subprocess.run(["apt-get", *command], env=environment, capture_output=True, timeout=INSTALL_S, check=False)
    return shutil.which("redis-server") or pytest.skip("there is no redis-server: apt-get install redis-server")


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    """A running server.

    Attributes:
        url: where it listens.
        port: of loopback.
        process: kill or stop it as you like.
    """

    def __init__(self, folder, *options):
        self._folder = folder
        self._options = options
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        """Start it, again if it was ended; gives it back when it answers."""
        command = [program(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        quiet = ["--save", "", "--appendonly", "no", "--loglevel", "warning", "--logfile", ""]
        self.process = subprocess.Popen(
            [*command, *quiet, *self._options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + START_S
        while not self._answers():
            assert self.process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < end
            time.sleep(0.01)

    def stop(self):
        """Kill it."""
        self.process.kill()
        self.process.wait()

    def empty(self):
        """Forget everything."""
        assert self._say(b"FLUSHALL\r\n") == b"+OK"

    def _answers(self):
        try:
            return self._say(b"PING\r\n") == b"+PONG"
        except OSError:
            return False

    def _say(self, words):
        with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(words)
            return connection.recv(64).strip()


@contextmanager
def running(folder, *options):
    """A server while the block runs: `with running(tmp_path, "--maxmemory", "1mb") as redis`."""
    server = RedisServer(folder, *options)
    try:
        yield server
    finally:
        server.stop()
