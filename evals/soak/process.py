"""What a process holds, as Linux tells it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from evals.errors import CannotMeasure

_PROC = Path("/proc")
#: What a MiB has of the unit that the system counts in.
_MIB = 1024.0


def held(pid: int) -> dict[str, float]:
    """Resident memory (`rss_mib`), open `handles` and `threads` of the process and all that descend from it.

    Raises:
        CannotMeasure: the process is gone or not ours, or the system has no `/proc`.
    """
    try:
        figures = _of(pid)
    except (OSError, KeyError) as error:
        raise CannotMeasure(f"cannot measure process {pid}: {error}") from error
    for child in family(pid) - {pid}:
        with suppress(OSError, KeyError):  # ended since it was listed
            figures = {name: value + figures[name] for name, value in _of(child).items()}
    return figures


def _of(pid: int) -> dict[str, float]:
    folder = _PROC / str(pid)
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    return {
        "rss_mib": int(status["VmRSS"].split()[0]) / _MIB,
        "handles": float(len(os.listdir(folder / "fd"))),
        "threads": float(status["Threads"]),
    }


def family(pid: int) -> set[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for status in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError):  # ended since it was listed
            # the command's name, in parentheses, may hold spaces
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(status.parent.name))
    found, waiting = {pid}, [pid]
    while waiting:
        fresh = children.get(waiting.pop(), [])
        found.update(fresh)
        waiting += fresh
    return found
