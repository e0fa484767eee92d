"""`steadyrag cache`: the answer cache's weights and content."""

from __future__ import annotations

import typer

from rag.cli.lazy import add_lazily

app = typer.Typer(name="cache", help="Train and tend the answer cache.", no_args_is_help=True)
add_lazily(
    app,
    {
        "train": ("evals.cache.command:train_scorer", "Train the pair scorer on labelled pairs of your own."),
        "inspect": ("rag.cli.cache:inspect", "Show what the answer cache of a running service holds."),
        "warm": ("rag.cli.cache:warm", "Have a running service answer frequent questions before somebody asks."),
    },
)
