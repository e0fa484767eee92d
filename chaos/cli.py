"""`steadyrag chaos`: break the service on purpose, and see that it holds its steady state."""

from __future__ import annotations

import typer

from rag.cli.lazy import add_lazily

app = typer.Typer(name="chaos", help="Break the service on purpose, and see what it costs users.", no_args_is_help=True)
add_lazily(
    app,
    {
        "proxy": ("chaos.proxy.command:proxy", "Run a TCP fault proxy with Toxiproxy's HTTP API."),
        "list": ("chaos.command:list_", "The experiments that there are."),
        "run": ("chaos.command:run_", "Run experiments under load: baseline, fault, recovery."),
        "sweep": ("chaos.command:sweep", "The breaking point: one strength of the fault after another."),
        "report": ("chaos.command:report", "The HTML report of results: timelines, figures, verdict."),
    },
)
