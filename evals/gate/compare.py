"""A candidate's run beside the baseline's, query by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evals.errors import CannotMeasure
from evals.gate.significance import Floats, judge_losses
from evals.intervals import resampled_means
from evals.runs import Row, load_run

#: Kind of run -> what the names of its gated columns end with. In each of them more is better.
GATED: Mapping[str, tuple[str, ...]] = {
    "retrieval": ("ndcg@10", "recall@10", "recall@100", "mrr@10"),
    "answers": ("contains", "f1", "cited_gold", "citation_precision", "citation_recall", "abstained_rightly"),
}


@dataclass(frozen=True, slots=True)
class Paired:
    """Measures of the same queries from two runs.

    Attributes:
        measures: names of the columns.
        baseline: shape [queries, measures], NaN where a query has none.
        candidate: the same.
    """

    measures: Sequence[str]
    baseline: Floats
    candidate: Floats


def read_pair(baseline: Path, candidate: Path) -> Paired:
    """The measures that both runs have, of the same queries.

    Raises:
        CannotMeasure: a folder holds no run that can be gated, the kinds, queries or measures differ, or rows are
            missing.
    """
    (one, one_rows), (other, other_rows) = load_run(baseline), load_run(candidate)
    if one.kind != other.kind or one.kind not in GATED:
        raise CannotMeasure(f"cannot gate a run of {other.kind} by one of {one.kind}; there are {', '.join(GATED)}")
    by_query, ours = _by_query(baseline, one_rows), _by_query(candidate, other_rows)
    if by_query.keys() != ours.keys():
        differing = len(by_query.keys() ^ ours.keys())
        raise CannotMeasure(f"{baseline} and {candidate} differ in {differing} queries: a pair needs the same ones")
    measures, theirs = _gated(one.kind, one_rows), _gated(one.kind, other_rows)
    if set(measures) != set(theirs) or not measures:
        differing_names = ", ".join(sorted(set(measures) ^ set(theirs))) or "all"
        raise CannotMeasure(f"the runs do not have the same measures: {differing_names}")
    return Paired(
        measures,
        _table(list(by_query.values()), measures),
        _table([ours[query] for query in by_query], measures),
    )


def compare(paired: Paired, *, alpha: float = 0.01, seed: int = 0) -> dict[str, Any]:
    """What `steadyrag eval gate --json` prints.

    Args:
        paired: at least one query.
        alpha: bound of the chance that a candidate no worse than the baseline is stopped.
        seed: of flips and resamples.
    """
    differences = paired.candidate - paired.baseline
    tested = judge_losses(differences, seed)
    measures = {
        name: {
            **_figures(paired.baseline[:, place], paired.candidate[:, place], seed),
            "p": test.p,
            "p_adjusted": test.p_adjusted,
            "regressed": test.p_adjusted <= alpha,
        }
        for place, (name, test) in enumerate(zip(paired.measures, tested, strict=True))
    }
    regressed = [name for name, figures in measures.items() if figures["regressed"]]
    return {
        "passed": not regressed,
        "regressed": regressed,
        "n": len(differences),
        "alpha": alpha,
        "measures": measures,
    }


def _figures(baseline: Floats, candidate: Floats, seed: int) -> dict[str, Any]:
    """Means, and the difference over the queries that both have, with its bootstrap interval."""
    both = candidate - baseline
    both = both[~np.isnan(both)]
    if not both.size:
        return {"baseline": None, "candidate": None, "difference": None, "ci95": None, "pairs": 0}
    low, high = np.percentile(resampled_means(both, seed), (2.5, 97.5))
    return {
        "baseline": float(np.nanmean(baseline)),
        "candidate": float(np.nanmean(candidate)),
        "difference": float(both.mean()),
        "ci95": [float(low), float(high)],
        "pairs": both.size,
    }


def _by_query(folder: Path, rows: Sequence[Row]) -> dict[str, Row]:
    by_query = {row["query"]: row for row in rows if "query" in row}
    if not rows or len(by_query) != len(rows):
        raise CannotMeasure(f"{folder} has no row for each query")
    return by_query


def _gated(kind: str, rows: Sequence[Row]) -> list[str]:
    return [name for name in rows[0] if name.rpartition(".")[2] in GATED[kind]]


def _table(rows: Sequence[Row], measures: Sequence[str]) -> Floats:
    return np.array([[row[name] for name in measures] for row in rows], np.float64)
