"""The command `steadyrag eval report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evals.pages.found import find
from evals.pages.page import write
from rag.cli.output import people


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, folders of them, printed JSON.")],
    *,
    out: Annotated[Path, typer.Option(help="The page.")] = Path("report.html"),
) -> None:
    """One HTML page of any runs, those of a kind compared; needs no network and no script.

    Example: `steadyrag eval report runs/sweep runs/answers --out report.html`

    Example: `steadyrag eval cache --pairs pairs.jsonl --json > cache.json && steadyrag eval report cache.json runs`

    Example: `steadyrag eval report runs runs/*.json --out report.html`, with `eval plan ... --json > runs/plan.json`
    """
    write(find(runs), out)
    people.print(f"wrote {out}", highlight=False)
