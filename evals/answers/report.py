"""Figures of answers, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evals.answers.judging import MEASURES
from evals.intervals import mean, share
from evals.runs import Row

#: Measures that are yes or no, whose interval is exact.
SHARES = frozenset({"contains", "exact_match", "cited_gold"})
HALVES = (0, 1)


def summarise(rows: Sequence[Row], rephrased: Sequence[Row], *, seed: int) -> dict[str, Any]:
    """The keys of the contract as plain numbers, the intervals under `ci95`, and more.

    Args:
        rows: of `judging.row`, with what abstention adds where it was measured.
        rephrased: a row for each rephrasing.
        seed: of the bootstrap.
    """
    overall = _measures(rows, seed)
    return {
        "n": len(rows),
        **{name: figure["value"] for name, figure in overall.items()},
        "ci95": {name: figure["ci95"] for name, figure in overall.items()},
        "answered": share(sum(not row["refused"] and not row["failed"] for row in rows), len(rows)),
        "failed": sum(bool(row["failed"]) for row in rows),
        "degraded": sum(bool(row["degraded"]) for row in rows),
        "mean_words": mean([row["words"] for row in rows if row["words"]], seed)["value"],
        "halves": {str(half): _half([row for row in rows if row["half"] == half], seed) for half in HALVES},
        "abstention": abstention(rows),
        "consistency": consistency(rephrased, seed),
    }


def abstention(rows: Sequence[Row]) -> dict[str, Any]:
    """Of the refusals, how many were right (precision); of the unanswerable questions, how many were refused (recall).

    Both are None where abstention was not measured.
    """
    asked = [row for row in rows if "abstained" in row]
    unanswerable = [row for row in asked if row["unanswerable"]]
    refused = [row for row in asked if row["abstained"]]
    right = sum(row["unanswerable"] for row in refused)
    precision, recall = share(right, len(refused)), share(right, len(unanswerable))
    return {
        "n": len(asked),
        "unanswerable": len(unanswerable),
        "refused": len(refused),
        "precision": precision["value"],
        "recall": recall["value"],
        "ci95": {"precision": precision["ci95"], "recall": recall["ci95"]},
    }


def consistency(rows: Sequence[Row], seed: int) -> dict[str, Any]:
    """How alike the answers to rephrasings are, over all and by kind of change."""
    kinds = dict.fromkeys(row["kind"] for row in rows)
    return {
        **_alike(rows, seed),
        "by_kind": {kind: _alike([row for row in rows if row["kind"] == kind], seed) for kind in kinds},
    }


def _alike(rows: Sequence[Row], seed: int) -> dict[str, Any]:
    return {
        "n": len(rows),
        "agreement": mean([row["agreement"] for row in rows], seed),
        "same_source": share(sum(row["same_source"] for row in rows), len(rows)),
        "contains": share(sum(bool(row["contains"]) for row in rows), len(rows)),
    }


def _half(rows: Sequence[Row], seed: int) -> dict[str, Any]:
    return {"n": len(rows), **_measures(rows, seed), "abstention": abstention(rows)}


def _measures(rows: Sequence[Row], seed: int) -> dict[str, Any]:
    return {
        name: share(sum(bool(row[name]) for row in rows), len(rows))
        if name in SHARES
        else mean([row[name] for row in rows], seed)
        for name in MEASURES
    }
