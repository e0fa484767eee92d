"""What the commands show on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from chaos.catalogue import Experiment

#: Figure -> its head, in the order of the columns.
COLUMNS = {
    "availability": "availability",
    "p95_ratio": "p95 ratio",
    "unlabelled_degraded": "unlabelled",
    "time_to_open_s": "opens after s",
    "recovery_s": "recovers after s",
}


def listed(experiments: Iterable[Experiment]) -> Table:
    """Names and claims."""
    table = Table(min_width=72)
    for name in ("experiment", "claim", "needs"):
        table.add_column(name)
    for each in experiments:
        table.add_row(f"{each.name}{' (core)' if each.core else ''}", each.title, each.needs)
    return table


def shown(figures: Sequence[Mapping[str, Any]]) -> Table:
    """A line for each experiment, and why those failed that did."""
    table = Table(min_width=72)
    table.add_column("experiment")
    table.add_column("verdict")
    for head in COLUMNS.values():
        table.add_column(head, justify="right")
    for each in figures:
        table.add_row(each["experiment"], each["verdict"], *(_cell(each[name]) for name in COLUMNS))
    reasons = [f"{each['experiment']}: {reason}" for each in figures for reason in each["reasons"]]
    table.caption = "\n".join(reasons) or None
    return table


def swept(found: Mapping[str, Any]) -> Table:
    """A line for each strength, and the breaking point."""
    table = Table(title=f"{found['experiment']}, by {found['parameter']}", min_width=72)
    for head in (found["parameter"], "verdict", "p95 ms", *COLUMNS.values()):
        table.add_column(head, justify="right")
    for row in found["table"]:
        table.add_row(_cell(row["value"]), row["verdict"], _cell(row["p95_ms"]), *(_cell(row[n]) for n in COLUMNS))
    breaks = "never broke" if found["breaks_at"] is None else f"breaks at {_cell(found['breaks_at'])}"
    table.caption = f"holds up to {_cell(found['holds_up_to'])}, {breaks}"
    return table


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
