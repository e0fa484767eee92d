"""`steadyrag cache`: the answer cache's weights and content."""

from __future__ import annotations

import typer

from evals.cache.command import train_scorer
from rag.cli.cache import inspect, warm

app = typer.Typer(name="cache", help="Train and tend the answer cache.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Train and tend the answer cache."""


app.command("train")(train_scorer)
app.command("inspect")(inspect)
app.command("warm")(warm)
