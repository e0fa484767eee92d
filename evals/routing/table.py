"""Files of outcomes, read, embedded and laid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from evals.cache.pairs import embed_alone
from evals.errors import CannotMeasure
from evals.load.textfile import open_text
from rag.embedding.batching import BlockingModel
from router.features import features
from router.outcomes import Outcome, parse_outcomes
from router.training import Table

#: Called with how much is done, and how much there is.
Watch = Callable[[int, int], None]


def read_outcomes(paths: Sequence[Path]) -> list[Outcome]:
    """The outcomes of JSON Lines files, plain or gzipped.

    Raises:
        CannotMeasure: a file cannot be read, a line is no outcome, or there are none.
    """
    outcomes: list[Outcome] = []
    for path in paths:
        with open_text(path) as file:
            try:
                outcomes += parse_outcomes(file, path.name.removesuffix(".gz").removesuffix(".jsonl"))
            except UnicodeDecodeError:
                raise
            except ValueError as error:
                raise CannotMeasure(str(error)) from error
    if not outcomes:
        raise CannotMeasure("the files hold no outcomes")
    return outcomes


def lay_out(outcomes: Sequence[Outcome], model: BlockingModel, watch: Watch = lambda _done, _all: None) -> Table:
    """Embed each question alone, as the service does, and compute its features; take what is known without its text.

    Raises:
        CannotMeasure: a vector is of another model.
    """
    others = {each.measured.embedder for each in outcomes if each.measured} - {model.info.model}
    if others:
        raise CannotMeasure(f"the outcomes have vectors of {', '.join(others)}, not of {model.info.model}")
    embedded = iter(embed_alone(model, [outcome.prompt for outcome in outcomes if not outcome.measured], watch))
    return Table(
        questions=np.array([outcome.prompt for outcome in outcomes], object),
        vectors=np.array([each.measured.vector if each.measured else next(embedded) for each in outcomes], np.float32),
        found=np.array(
            [each.measured.features if each.measured else features(each.prompt, each.evidence) for each in outcomes]
        ),
        quality=np.array([(outcome.small, outcome.large) for outcome in outcomes]),
        sources=np.array([outcome.source for outcome in outcomes]),
    )
