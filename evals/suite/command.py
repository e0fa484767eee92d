"""The command `steadyrag eval suite`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from evals.suite.plan import Step, read_suite
from evals.suite.run import Done, run_suite
from rag.cli.output import FAILED, INTERRUPTED, people, print_json


def suite(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="A [[step]] table for each command.")],
    out: Annotated[Path | None, typer.Option(help="Folder of what comes out; else beside the file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came of the steps as one JSON object.")] = False,
) -> None:
    """Run a battery of commands; exit status 1 if one did not pass.

    A step has a `name`, the words to `run` after `steadyrag`, and may name earlier steps that it `needs`. Run again
    after a stop, it goes on with the first step that did not pass; steps whose words changed are run again.

    Example: `steadyrag eval suite nightly.toml --out runs/nightly`
    """
    steps = read_suite(file)
    done: list[Done] = []
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=people) as progress:
        task = progress.add_task("", total=len(steps))

        def started(step: Step) -> None:
            progress.update(task, description=step.name)

        for each in run_suite(steps, out or file.with_suffix(".runs"), started=started):
            done.append(each)
            progress.update(task, advance=1)
    passed = all(each.outcome == "passed" for each in done)
    if as_json:
        print_json({"passed": passed, "steps": [asdict(each) for each in done]})
    else:
        people.print(_table(done))
    if not passed:
        raise typer.Exit(INTERRUPTED if done[-1].outcome == "stopped" else FAILED)


def _table(done: Sequence[Done]) -> Table:
    shown = Table(min_width=60)
    for name in ("step", "outcome", "exit status", "s"):
        shown.add_column(name, justify="left" if name in {"step", "outcome"} else "right")
    for each in done:
        status = "-" if each.status is None else str(each.status)
        shown.add_row(each.name, each.outcome, status, f"{each.took_s:.1f}", style="" if not each.status else "red")
    return shown
