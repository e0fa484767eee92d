"""Programs that are killed at the moment that they choose."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

#: Ends the program as `kill -9` does: nothing is flushed, no handler runs.
DIE = "os.kill(os.getpid(), signal.SIGKILL)"
ROOT = Path(__file__).parents[2]


def run_until_killed(program: str, *arguments: str | Path) -> None:
    """Run a Python program, which must end by its own SIGKILL (`DIE`)."""
    done = subprocess.run(
        [sys.executable, "-c", f"import os, signal, sys\n{program}", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
