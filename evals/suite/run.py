"""`steadyrag eval suite`: the steps one after another, each in a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from evals.errors import CannotMeasure
from evals.suite.plan import Step
from rag.cli.output import INTERRUPTED

Outcome = Literal["passed", "failed", "skipped", "stopped"]

_STATE = "suite.json"
_COMMAND = (sys.executable, "-c", "from rag.cli import main; main()")
#: Exit status -> outcome; others are failures.
_OUTCOMES: Mapping[int, Outcome] = {0: "passed", INTERRUPTED: "stopped"}


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a step.

    Attributes:
        status: exit status; None when it was not run, since what it needs did not pass.
        figures: what it printed as JSON, {} if nothing.
        run: its words: a step whose words changed is run again.
    """

    name: str
    outcome: Outcome
    status: int | None
    took_s: float
    run: tuple[str, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)


def run_suite(
    steps: Sequence[Step], folder: Path, *, started: Callable[[Step], None], command: Sequence[str] = _COMMAND
) -> Iterator[Done]:
    """What came of each step, as it comes; steps that passed in an earlier run are not run again.

    A step that is stopped ends the suite.

    The folder holds `suite.json`, and of each step `NAME.out` and `NAME.err`, what it printed.

    Args:
        steps: in the order to run them.
        folder: made if it is not there.
        started: told before a step is run.
        command: what the words of a step stand behind.

    Raises:
        CannotMeasure: the folder cannot be used.
    """
    done = _earlier(folder)
    for step in steps:
        known = done.get(step.name)
        if known is None or known.outcome != "passed" or known.run != step.run:
            if all(done[name].outcome == "passed" for name in step.needs):
                started(step)
                known = _run(step, folder, command)
            else:
                known = Done(step.name, "skipped", None, 0.0, step.run)
        done[step.name] = known
        _keep(folder, done)
        yield known
        if known.outcome == "stopped":
            return


def _run(step: Step, folder: Path, command: Sequence[str]) -> Done:
    began = time.monotonic()
    with (
        (folder / f"{step.name}.out").open("wb") as out,
        (folder / f"{step.name}.err").open("wb") as err,
        subprocess.Popen([*command, *step.run], stdout=out, stderr=err) as process,  # noqa: S603 - the user's own words
    ):
        status = _ended(process)
    outcome: Outcome = _OUTCOMES.get(status, "failed")
    figures = _figures(folder / f"{step.name}.out")
    return Done(step.name, outcome, status, time.monotonic() - began, step.run, figures)


def _ended(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait()
    except KeyboardInterrupt:  # the child gets it from the terminal, too, and ends in order
        process.wait()
        return INTERRUPTED


def _figures(path: Path) -> dict[str, Any]:
    """The JSON object on the last line, if that is one."""
    lines = path.read_bytes().splitlines()
    with contextlib.suppress(orjson.JSONDecodeError):
        value = orjson.loads(lines[-1]) if lines else None
        if isinstance(value, dict):
            return value
    return {}


def _earlier(folder: Path) -> dict[str, Done]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stored = orjson.loads((folder / _STATE).read_bytes())
        return {each["name"]: Done(**each | {"run": tuple(each["run"])}) for each in stored["steps"]}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CannotMeasure(f"{folder} cannot be used: {error}") from error


def _keep(folder: Path, done: Mapping[str, Done]) -> None:
    part = folder / f"{_STATE}.part"
    content = {"steps": [asdict(each) for each in done.values()]}
    part.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    part.replace(folder / _STATE)
