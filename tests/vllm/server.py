"""A vLLM server as a process of its own."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress

from chaos.lab import vllm

ENVIRONMENT = {**os.environ, **vllm.VARIABLES}


class VllmServer:
    """Serves a model under several names, on a port that stays the same.

    Attributes:
        base_url: of its API.
    """

    def __init__(self, python, model, names, log):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self._port}/v1"
        self._command = vllm.command(python, self._port, model, names)
        self._log = log
        self._process = None

    def start(self):
        """Start it, as the leader of a process group with its workers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def wait_until_ready(self):
        """Return when it answers."""
        deadline = time.monotonic() + vllm.READY_S
        while not self._answers():
            assert self._process.poll() is None, f"vLLM ended:\n{self._log.read_text(errors='replace')[-4000:]}"
            assert time.monotonic() < deadline, f"vLLM is not ready:\n{self._log.read_text(errors='replace')[-4000:]}"
            time.sleep(0.2)

    def restore(self):
        """Running again after `kill` or `signal`."""
        if self._process.poll() is not None:
            self.start()
        self.signal(signal.SIGCONT)
        self.wait_until_ready()

    def signal(self, number):
        """Send a signal to the server and its workers."""
        os.killpg(self._process.pid, number)

    def kill(self):
        """End all of it at once."""
        self.signal(signal.SIGKILL)
        self._process.wait()

    def stop(self):
        """End it, whatever state it is in; what does not end by itself is killed."""
        if self._process is None:
            return
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            self.signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(30)
        with suppress(ProcessLookupError):
            self.kill()  # workers may outlive the server

    def figure(self, name):
        """The value of one of its metrics, `vllm:` left out, over all of its labels."""
        with urllib.request.urlopen(self.base_url.removesuffix("/v1") + "/metrics", timeout=10) as metrics:
            text = metrics.read().decode()
        return sum(map(float, re.findall(rf"^vllm:{name}(?:{{.*}})? (\S+)$", text, re.M)))

    async def running(self):
        """Requests that it works on; asked without holding the loop, which may have a connection to close."""
        return await asyncio.to_thread(self.figure, "num_requests_running")

    async def works_on(self, requests):
        """Wait until it works on so many; the seconds that it took. Its figures come a moment after its tokens."""
        began = time.monotonic()
        while await self.running() != requests:
            assert time.monotonic() < began + 30
        return time.monotonic() - began

    def _answers(self):
        try:
            with urllib.request.urlopen(self.base_url.removesuffix("/v1") + "/health", timeout=5) as health:
                return health.status == 200
        except OSError:
            return False
