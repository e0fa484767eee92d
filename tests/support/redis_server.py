"""A real Redis of the tests' own: Debian's, on a free port of loopback, without persistence."""

import socket
import subprocess
import time
from contextlib import contextmanager

from evals.bench.processes import free_port
from tests.support.debian import program

START_S = 10.0


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
        command = [
            program("redis-server", "redis-server"),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self._folder),
        ]
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
