"""A run second by second, as plots show it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chaos.analysis.requests import Bools, Floats, Requests

#: Most stretches that a timeline has; more are no longer seen apart.
MOST_STRETCHES = 150
#: Rungs that are told apart; the seldom ones are taken together.
MOST_RUNGS = 5
OTHERS = "others"
FULL = "full"


@dataclass(frozen=True, slots=True)
class Timeline:
    """The requests of each stretch of time, by when they were to be sent.

    Attributes:
        edges: ends of the stretches, seconds, one more than there are.
        percentiles_ms: of the answers' times, by percentile; NaN in stretches without answers.
        rungs: share of the answers that stood on each rung, the full answer first; 0 in stretches without answers.
    """

    edges: list[float]
    asked_rps: Floats
    good_rps: Floats
    refused_rps: Floats
    failed_rps: Floats
    percentiles_ms: dict[int, Floats]
    rungs: dict[str, Floats]

    @property
    def middles(self) -> list[float]:
        """The middle of each stretch, seconds."""
        return [(start + end) / 2 for start, end in zip(self.edges, self.edges[1:], strict=False)]


def timeline(requests: Requests, end_s: float, deadline_s: float, percentiles: Sequence[int]) -> Timeline:
    """The requests in stretches of one second, or two, or five: as many as are still seen apart."""
    width_s = next(width for width in (1, 2, 5, 10, 30, 60, math.ceil(end_s)) if end_s / width <= MOST_STRETCHES)
    edges = np.arange(0, math.ceil(end_s / width_s) + 1) * float(width_s)
    place = np.clip((requests.asked_s // width_s).astype(np.int64), 0, len(edges) - 2)

    def rate(chosen: Bools) -> Floats:
        return np.bincount(place[chosen], minlength=len(edges) - 1) / width_s

    return Timeline(
        edges=edges.tolist(),
        asked_rps=rate(np.ones(len(requests), dtype=np.bool_)),
        good_rps=rate(requests.good(deadline_s)),
        refused_rps=rate(requests.refused),
        failed_rps=rate(~requests.answered & ~requests.refused),
        percentiles_ms={q: _percentile_ms(requests, place, len(edges) - 1, q) for q in percentiles},
        rungs=_rungs(requests, place, len(edges) - 1),
    )


def _percentile_ms(requests: Requests, place: np.ndarray, stretches: int, q: int) -> Floats:
    found = np.full(stretches, np.nan)
    for stretch in np.unique(place[requests.answered]):
        found[stretch] = np.percentile(requests.took_s[requests.answered & (place == stretch)], q) * 1e3
    return found


def _rungs(requests: Requests, place: np.ndarray, stretches: int) -> dict[str, Floats]:
    answers, where = requests[requests.answered], place[requests.answered]
    names = np.array(["+".join(sorted(labels)) or FULL for labels in answers.labels], dtype=np.str_)
    kinds, counts = np.unique(names[names != FULL], return_counts=True)
    frequent = [str(kind) for kind in kinds[np.argsort(-counts)][: MOST_RUNGS - 1]]
    total = np.maximum(np.bincount(where, minlength=stretches), 1)
    masks = {name: names == name for name in (FULL, *frequent)}
    masks[OTHERS] = ~np.isin(names, [FULL, *frequent])
    shares = {name: np.bincount(where[mask], minlength=stretches) / total for name, mask in masks.items()}
    return {name: share for name, share in shares.items() if name == FULL or share.any()}
