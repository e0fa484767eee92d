"""The command `steadyrag` as its users meet it: a process of its own, with its own data folder."""

import os
import signal
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from pathlib import Path

COMMAND = Path(sys.executable).with_name("steadyrag")
TIMEOUT_S = 100.0


class Environment(dict):
    """The caller's environment without its own settings, with those of a test: `index__shards=1`."""

    def __init__(self, data_dir, model_folder, **settings):
        super().__init__({name: value for name, value in os.environ.items() if not name.startswith("STEADYRAG_")})
        named = {"data_dir": data_dir, "cache_dir": model_folder.parent.parent, **settings}
        self.update({f"STEADYRAG_{name.upper()}": str(value) for name, value in named.items()})


def steadyrag(environment, *arguments, stdin="", cwd=None, timeout_s=TIMEOUT_S):
    """Run a command to its end."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        env=environment,
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@contextmanager
def started(environment, *arguments):
    """A command that runs while the block does; it is killed if it still runs at the end."""
    with subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def children(pid):
    """The ids of a process's children that live."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [child for file in files for child in map(int, file.read_text().split()) if alive(child)]


def alive(pid):
    """Whether the process runs; one that has ended and that nobody has asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Served:
    """A running `steadyrag serve`.

    Attributes:
        url: where it listens; connections wait there until it serves.
        lines: what it said on standard error.
    """

    def __init__(self, process):
        self.process = process
        self.lines = []
        self.url = self._announced()
        self._reader = threading.Thread(target=lambda: self.lines.extend(process.stderr), daemon=True)
        self._reader.start()

    def _announced(self):
        for line in self.process.stderr:
            self.lines.append(line)
            if line.startswith("steadyrag serves "):
                return line.split()[2]
        raise AssertionError(f"serve ended with {self.process.wait()}: {''.join(self.lines)}")

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        """The exit status, once the process has ended by itself."""
        status = self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        return status

    @property
    def said(self):
        return "".join(self.lines)


@contextmanager
def serving(environment, *arguments):
    """A service that is ready, on a free port; stopped in order at the end, if it still runs."""
    with started(environment, "serve", "--port", "0", *arguments) as process:
        served = Served(process)
        try:
            with urllib.request.urlopen(f"{served.url}/ready", timeout=TIMEOUT_S) as ready:
                assert ready.status == 200
            yield served
            if process.poll() is None:
                served.signal()
                assert served.wait() == 0, served.said
        finally:
            process.kill()
            served.wait()
