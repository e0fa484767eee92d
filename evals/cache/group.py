"""`steadyrag cache`: the answer cache's weights and content."""

from __future__ import annotations

import typer

from evals.cache.command import train_scorer

app = typer.Typer(name="cache", help="Train and tend the answer cache.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Train and tend the answer cache."""


app.command("train")(train_scorer)
