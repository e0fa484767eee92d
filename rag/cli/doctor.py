"""`steadyrag doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from rag.cli.output import FAILED, USAGE, complain, people, print_json, printable, run
from rag.doctor import Report, examine
from rag.settings import load_settings


def doctor(
    config: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Settings file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what serves each port, in which version, and what is wrong.

    Exit status: 0 all is well, 1 something does not work, 2 the configuration is wrong.

    Example: `steadyrag doctor --json`
    """
    report = run(examine(load_settings(config)))
    if as_json:
        print_json(report)
    else:
        _show(report)
    if report.problems:
        raise typer.Exit(USAGE if report.misconfigured else FAILED)


def _show(report: Report) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for section in (report.serving, report.state, report.versions):
        for name, value in section.items():
            table.add_row(name, Text(printable(str(value))))
        table.add_section()
    people.print(table)
    for note in report.notes:
        complain("note:", note)
    for problem in report.problems:
        complain("problem:", problem)
    if report.problems:
        people.print(f"{len(report.problems)} problem(s)")
    else:
        people.print("all is well", style="green")
