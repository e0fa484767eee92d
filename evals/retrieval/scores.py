"""Measures of ranked lists by ir-measures (trec_eval's own code), and whether two systems differ."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from evals.errors import CannotMeasure
from evals.retrieval.beir import Qrels

#: Name in the report -> name in ir-measures.
MEASURES = {"ndcg@10": "nDCG@10", "recall@10": "R@10", "recall@100": "R@100", "mrr@10": "RR@10"}
#: Sign flips of the randomisation test, and half the width of a 95 % interval in standard errors.
RESAMPLES, NORMAL_95 = 9_999, 1.96

#: Query -> documents, best first.
Rankings = Mapping[str, Sequence[str]]
#: shape [queries], in the order of the qrels
PerQuery = npt.NDArray[np.float64]


def measure(qrels: Qrels, rankings: Rankings) -> dict[str, PerQuery]:
    """Every measure of every query of `qrels`; one without ranking has 0.

    Raises:
        CannotMeasure: ir-measures is not installed.
    """
    library = _library("ir_measures")
    measures = {library.parse_measure(theirs): ours for ours, theirs in MEASURES.items()}
    # what counts is the order: descending scores keep the library from breaking ties by id
    run = {query: {key: -float(rank) for rank, key in enumerate(ranked)} for query, ranked in rankings.items()}
    judged = {query: dict(grades) for query, grades in qrels.items()}
    values = {name: dict.fromkeys(qrels, 0.0) for name in MEASURES}
    for found in library.iter_calc(list(measures), judged, run):
        values[measures[found.measure]][found.query_id] = found.value
    return {name: np.array(list(by_query.values())) for name, by_query in values.items()}


def half_width(values: PerQuery) -> float:
    """Half the width of the mean's 95 % interval."""
    return float(NORMAL_95 * values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def compare(one: PerQuery, other: PerQuery, seed: int = 0) -> dict[str, Any]:
    """The mean difference, its 95 % interval, and the p of Fisher's paired randomisation test.

    The test is the one that Smucker, Allan and Carterette (CIKM 2007) recommend for retrieval.

    Raises:
        CannotMeasure: scipy is not installed.
    """
    difference = one - other
    mean, half = float(difference.mean()), half_width(difference)
    tested = _library("scipy.stats").permutation_test(
        (one, other),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=1_000,
        rng=np.random.default_rng(seed),
    )
    return {"difference": mean, "ci95": [mean - half, mean + half], "p": float(tested.pvalue)}


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise CannotMeasure(f"this needs {name.partition('.')[0]}: pip install 'steadyrag[evals]'") from error
