"""The command `steadyrag eval gate`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from evals.gate.compare import compare, read_pair
from rag.cli.output import FAILED, people, print_json


def gate(
    *,
    baseline: Annotated[Path, typer.Option(help="Run folder of what is in use.")],
    candidate: Annotated[Path, typer.Option(help="Run folder of what is to replace it.")],
    alpha: Annotated[float, typer.Option(help="Bound of the chance of a false alarm.", min=0.0001, max=0.5)] = 0.01,
    seed: Annotated[int, typer.Option(help="The same seed gives the same p.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Stop a regression: exit status 1 if any measure of the candidate is significantly worse, query by query.

    Both folders come from `eval retrieval --out` or `eval answers --out` on the same questions. The test is a paired
    sign-flip permutation test, adjusted for the number of measures: `--alpha` bounds the chance that a candidate as
    good as the baseline is stopped by any of them.

    Example: `steadyrag eval gate --baseline runs/main --candidate runs/branch`
    """
    summary = compare(read_pair(baseline, candidate), alpha=alpha, seed=seed)
    if as_json:
        print_json(summary)
    else:
        people.print(_table(summary))
    if not summary["passed"]:
        people.print(f"significantly worse: {', '.join(summary['regressed'])}", style="red", highlight=False)
        raise typer.Exit(FAILED)


def _table(summary: Mapping[str, Any]) -> Table:
    shown = Table(title=f"{summary['n']} queries", min_width=80)
    for name in ("measure", "baseline", "candidate", "difference", "95 %", "p", "p, adjusted"):
        shown.add_column(name, justify="left" if name == "measure" else "right")
    for name, figures in summary["measures"].items():
        shown.add_row(name, *_cells(figures), style="red" if figures["regressed"] else "")
    return shown


def _cells(figures: Mapping[str, Any]) -> tuple[str, ...]:
    chances = f"{figures['p']:.4f}", f"{figures['p_adjusted']:.4f}"
    if not figures["pairs"]:
        return "-", "-", "-", "-", *chances
    low, high = figures["ci95"]
    means = f"{figures['baseline']:.3f}", f"{figures['candidate']:.3f}", f"{figures['difference']:+.3f}"
    return *means, f"{low:+.3f} to {high:+.3f}", *chances
