"""What happens in the lab, as lines in files: it survives the death of whoever wrote it.

Each line is an object: `at` (seconds since the epoch), `source` (the child that tells, or "lab"), `kind` ("breaker",
"fault-on", "fault-off", "process", "ready"), `name`, `detail` (a state, a fault, or whether a replica is ready), and
what else is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import orjson

from chaos.faults.fault import Fault
from rag.resilience.events import BreakerChanged, ResilienceEvent

PATTERN = "journal-*.jsonl"
Event = dict[str, Any]


class Journal:
    """Takes notes under one name, until it is closed."""

    def __init__(self, folder: Path, source: str, clock: Callable[[], float] = time.time) -> None:
        self._source = source
        self._clock = clock
        self._file: IO[bytes] = (folder / f"journal-{source}.jsonl").open("ab", buffering=0)

    def note(self, kind: str, name: str, detail: object, **more: object) -> None:
        """Write down what happens at this moment."""
        event = {"at": self._clock(), "source": self._source, "kind": kind, "name": name, "detail": detail, **more}
        self._file.write(orjson.dumps(event) + b"\n")

    def breaker(self, event: ResilienceEvent) -> None:
        """Write down a breaker's change; other events are passed over."""
        if isinstance(event, BreakerChanged):
            self.note("breaker", event.name, event.new, old=event.old, reason=event.reason)

    def fault(self, name: str, kind: str, fault: Fault) -> None:
        """Write down that a fault began or ended."""
        self.note(kind, name, fault.model_dump())

    def close(self) -> None:
        """Take no more notes."""
        self._file.close()


def read(folder: Path, since: float = 0.0) -> list[Event]:
    """What was noted in the folder after that moment, in the order of time."""
    lines = [line for file in folder.glob(PATTERN) for line in file.read_bytes().splitlines(keepends=True)]
    events: list[Event] = [orjson.loads(line) for line in lines if line.endswith(b"\n")]
    return sorted((event for event in events if event["at"] > since), key=lambda event: event["at"])


def clear(folder: Path) -> None:
    """Forget all that was noted."""
    for file in folder.glob(PATTERN):
        file.unlink()
