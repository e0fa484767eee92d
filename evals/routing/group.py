"""`steadyrag router`: train the choice between the models, and set its operating point."""

from __future__ import annotations

import typer

from rag.cli.lazy import add_lazily

app = typer.Typer(name="router", help="Train and calibrate the choice between the models.", no_args_is_help=True)
add_lazily(
    app,
    {
        "train": ("evals.routing.training:train", "Train a classifier on questions that both of your models answered."),
        "calibrate": ("evals.routing.training:calibrate", "Find the threshold for a quality to keep, or for a budget."),
    },
)
