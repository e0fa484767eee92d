"""How an experiment is shown while it runs: what is being done, and the last seconds of the load."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from chaos.errors import BadRequest
from chaos.toolkit.calls import call

REFRESH_S = 0.5
WINDOW_S = 3.0


async def watch(title: str, load_url: str, console: Console) -> None:
    """Draw until cancelled; where the output is no terminal, a line for each phase."""
    with Live(console=console, auto_refresh=False, transient=True) as live:
        phase = ""
        while True:
            try:
                figures = await call("GET", f"{load_url}/figures?window_s={WINDOW_S}")
            except BadRequest:  # it has ended, and whoever waits for this is about to say so
                return
            live.update(table(title, figures), refresh=True)
            if figures["phase"] != phase:
                phase = figures["phase"]
                console.print(f"{title}: {phase}", highlight=False, markup=False)
            await asyncio.sleep(REFRESH_S)


def table(title: str, figures: Mapping[str, Any]) -> Table:
    """The figures of a moment."""
    shown = Table(title=f"{title}, {figures['at_s']:.0f} s", caption=figures["doing"] or None, min_width=72)
    for name in ("phase", "asked/s", "answered/s", "p95 ms", "degraded", "unlabelled", "in flight", "errors"):
        shown.add_column(name, justify="right")
    errors = ", ".join(f"{number} {name}" for name, number in figures["errors"].items())
    shown.add_row(
        figures["phase"],
        f"{figures['rate_rps']:.0f}",
        f"{figures['answered_rps']:.1f}",
        "-" if figures["p95_ms"] is None else f"{figures['p95_ms']:.0f}",
        f"{figures['degraded_share'] or 0:.0%}",
        str(figures["unlabelled_degraded"]),
        str(figures["in_flight"]),
        errors or "none",
    )
    return shown
