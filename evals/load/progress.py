"""How a load run is shown while it runs and when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from evals.load.generator import Generator
from evals.load.plan import Plan

REFRESH_S = 0.5


async def watch(generator: Generator, planned: Plan, url: str, console: Console) -> None:
    """Draw the progress until cancelled.

    rich's own refresh thread would take the interpreter from the sending loop at moments of its choice, for up to
    5 ms; drawing here takes less than the lag that a valid run may have.
    """
    console.print(
        f"sending {len(planned.shots)} requests over {planned.window_s:g} s to {url}; Ctrl-C stops",
        highlight=False,
        markup=False,
    )
    columns = TextColumn("{task.completed:.0f}/{task.total:.0f} ended"), BarColumn(), TextColumn("{task.description}")
    with Progress(*columns, TimeElapsedColumn(), console=console, auto_refresh=False) as progress:
        task = progress.add_task("", total=len(planned.shots))
        errors = seen = 0
        try:
            while True:
                await asyncio.sleep(REFRESH_S)
                errors += sum(record.error is not None for record in generator.records[seen:])
                seen = len(generator.records)
                description = f"{generator.in_flight} in flight, {errors} errors"
                progress.update(task, completed=seen, description=description, refresh=True)
        finally:
            progress.update(task, completed=len(generator.records), description="done")


def table(summary: Mapping[str, Any]) -> Table:
    """The main figures for a reader."""
    rates = f"{summary['offered_rps']:.1f} requests/s offered, {summary['achieved_rps']:.1f} answered"
    shown = Table(title=rates, min_width=72)
    shown.add_column("ms")
    for name in ("p50", "p90", "p95", "p99"):
        shown.add_column(name, justify="right")
    for key in ("ttft_ms", "itl_ms", "e2e_ms"):
        values = summary[key].values()
        shown.add_row(key.removesuffix("_ms"), *("-" if value is None else f"{value:.1f}" for value in values))
    lag_ms = summary["schedule_lag_p99_ms"] or 0.0
    shown.caption = (
        f"goodput {summary['goodput_rps']:.1f}/s, {summary['errors']} errors, {summary['degraded']} degraded, "
        f"schedule lag p99 {lag_ms:.1f} ms"
    )
    return shown
