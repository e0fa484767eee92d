"""Figures of the cache decision: precision against how much is served, with exact intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cache.bounds import at_least, at_most
from evals.cache.judging import Bools, Floats, Judged

COSINES = (0.80, 0.90, 0.95)
PRECISIONS = (0.90, 0.95, 0.98)
#: One side of a two-sided 95 % interval.
_SIDE = 0.975


def summarise(judged: Judged) -> dict[str, Any]:
    """The keys of the contract, and intervals (Clopper and Pearson 1934).

    `recall_at_precision.product` ranks by the scorer's probability, in which every veto is a feature;
    `product_with_vetoes` ranks what a veto forbids last, as the decision does.
    """
    policies = _policies(judged)
    return {
        "n": len(judged.same),
        "n_same": int(judged.same.sum()),
        "policies": {name: policy(served, judged.same) for name, served in policies.items()},
        "recall_at_precision": {
            name: {f"{target:.2f}": recall_at(score, judged.same, target) for target in PRECISIONS}
            for name, score in rankings(judged).items()
        },
        "by_kind": _by_kind(judged, policies),
        "decision_p50_ms": float(np.median(judged.decision_s)) * 1e3,
        "decision_p99_ms": float(np.percentile(judged.decision_s, 99)) * 1e3,
    }


def _policies(judged: Judged) -> dict[str, Bools]:
    return {"product": judged.served} | {f"cosine@{least:.2f}": judged.cosine >= least for least in COSINES}


def rankings(judged: Judged) -> dict[str, Floats]:
    """Name of the ranking -> score of each pair, higher is served first."""
    return {
        "product": judged.probability,
        "product_with_vetoes": np.where(judged.vetoed, -1.0, judged.probability),
        "cosine": judged.cosine,
    }


def policy(served: Bools, same: Bools) -> dict[str, Any]:
    """How often a policy serves, and how often it is right; a share of nothing is None."""
    right, wrong = int((served & same).sum()), int((served & ~same).sum())
    positives, negatives = int(same.sum()), int((~same).sum())
    return {
        "served": right + wrong,
        "precision": _share(right, right + wrong),
        "precision_ci95": _interval(right, right + wrong),
        "recall": _share(right, positives),
        "recall_ci95": _interval(right, positives),
        "false_hit_rate": _share(wrong, negatives),
        "false_hit_upper95": at_most(wrong, negatives),
    }


def recall_at(score: Floats, same: Bools, target: float) -> float:
    """The largest recall of any threshold whose precision reaches the target; 0.0 if none does."""
    recalls, precisions = curve(score, same)
    return float(max(recalls[precisions >= target], default=0.0))


def curve(score: Floats, same: Bools) -> tuple[Floats, Floats]:
    """Recall and precision at every threshold, strictest first; equal scores are served together."""
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    right = np.cumsum(same[order])[ends]
    return right / max(1, int(same.sum())), right / (ends + 1)


def _by_kind(judged: Judged, policies: Mapping[str, Bools]) -> dict[str, Any]:
    """For each kind of pair how many there are of each label, and which share of them each policy serves."""
    kinds = np.array(judged.kinds)
    return {
        kind: {
            "n": int((kinds == kind).sum()),
            "n_same": int(judged.same[kinds == kind].sum()),
            "served": {name: float(served[kinds == kind].mean()) for name, served in policies.items()},
        }
        for kind in sorted(set(judged.kinds) - {""})
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _interval(part: int, whole: int) -> list[float]:
    return [at_least(part, whole, confidence=_SIDE), at_most(part, whole, confidence=_SIDE)]
