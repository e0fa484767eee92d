"""Fusion of ranked lists."""

from __future__ import annotations

from collections.abc import Sequence

from rag.types import Hit

#: The constant of the paper: how slowly a rank's weight falls.
RRF_K = 60


def reciprocal_rank_fusion(rankings: Sequence[Sequence[Hit]], k: int = RRF_K) -> list[Hit]:
    """One list of the rankings, best first: each gives a passage 1 / (k + rank), rank from 1.

    Scores of different indexes do not compare, ranks do. Ties are broken by passage id, so that equal input gives
    equal output. Source: Cormack, Clarke and Buettcher, SIGIR 2009.
    """
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            scores[hit.passage_id] = scores.get(hit.passage_id, 0.0) + 1.0 / (k + rank)
    return [Hit(passage_id, score) for passage_id, score in sorted(scores.items(), key=lambda kv: (-kv[1], kv[0]))]
