"""A classifier with its training record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evals.errors import CannotMeasure
from evals.routing.judging import judge_halves
from evals.routing.report import summarise
from evals.routing.table import Watch
from router.classifier import Classifier
from router.training import Table, train

#: Half-splits whose figures stand in the record.
SPLITS = 2


def fit(
    table: Table,
    *,
    embedder: str,
    data: Sequence[str],
    date: str,
    licence: str = "",
    seed: int = 0,
    watch: Watch = lambda _done, _all: None,
) -> Classifier:
    """Train on all of the table; the record's figures are of halves that were not trained on.

    Args:
        table: the outcomes.
        embedder: the model that their vectors are from.
        data: names of the files.
        date: the day of training, as it goes into the record.
        licence: that of the data.
        seed: the same table and seed give the same weights.
        watch: told of the progress.

    Raises:
        CannotMeasure: the outcomes teach nothing; see `router.training.train`.
    """
    try:
        measured = summarise(list(judge_halves(table, embedder=embedder, splits=SPLITS, seed=seed, watch=watch)))
        record = {
            "data": list(data),
            "sources": {str(name): int((table.sources == name).sum()) for name in np.unique(table.sources)},
            "date": date,
            "licence": licence,
            "held_out": {
                name: {key: figures[key] for key in ("apgr", "apgr_ci95", "calibration_error")}
                for name, figures in measured.items()
            },
        }
        return train(table, embedder=embedder, seed=seed, record=record)
    except ValueError as error:
        raise CannotMeasure(str(error)) from error
