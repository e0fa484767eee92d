"""Programs of Debian's that tests run for real."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

INSTALL_S = 300


def program(name, package):
    """The program; installed when there is none and this may do it, else the test is skipped, visibly."""
    if not shutil.which(name) and os.geteuid() == 0 and shutil.which("apt-get"):
        with _in_turn():
            if not shutil.which(name):
                _install(package)
    return shutil.which(name) or pytest.skip(f"there is no {name}: apt-get install {package}")


@contextmanager
def _in_turn():
    """One process after the other: test files run side by side, and apt-get refuses to."""
    with (Path(tempfile.gettempdir()) / "steadyrag-tests-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(package):
    # no daemon of the system's own: the tests start what they need
    environment = {**os.environ, "RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", package]):
        subprocess.run(["apt-get", *command], env=environment, capture_output=True, timeout=INSTALL_S, check=False)
