"""How many questions the cache answers when more are asked.

A question of popularity rank r comes with a probability p proportional to r^-s, and its answer is kept for T seconds.
Asked L times a second in all, it is found with probability L p T / (1 + L p T): renewal theory for a store that keeps
each answer for a fixed time after it was computed (Jung, Berger, Balakrishnan, "Modeling TTL-based Internet caches",
INFOCOM 2003). Evictions for want of room and answers that die with a document are left out.
"""

from __future__ import annotations

import numpy as np

from evals.planner.prices import Repetition

#: Least and greatest number of different questions that is looked for.
_FEWEST, _MOST = 1, 10**9
#: Ranks that are counted one by one; beyond, each stands for its neighbours.
_SINGLE = 1_000


def hit_share(rate_rps: float, distinct: float, repetition: Repetition) -> float:
    """Share of the questions that are answered from the cache when so many different ones are asked."""
    ranks, width = _ranks(distinct)
    weights = ranks**-repetition.zipf
    chances = weights / (weights * width).sum()
    asked = rate_rps * chances * repetition.ttl_s
    return float((width * chances * asked / (1 + asked)).sum())


def grown_hits(hits: float, rate_rps: float, factor: float, repetition: Repetition) -> float:
    """The share of hits at `factor` times the rate, where it is `hits` at the rate: as many different questions then.

    A share that no number of different questions explains stays as it is.
    """
    low, high = float(_FEWEST), float(_MOST)
    if not hit_share(rate_rps, high, repetition) < hits < hit_share(rate_rps, low, repetition):
        return hits
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        if hit_share(rate_rps, middle, repetition) > hits:
            low = middle
        else:
            high = middle
    return hit_share(rate_rps * factor, low, repetition)


def _ranks(distinct: float) -> tuple[np.ndarray, np.ndarray]:
    """Ranks 1 to `distinct`, each with how many it stands for."""
    single = np.arange(1.0, min(distinct, _SINGLE) + 1)
    if distinct <= _SINGLE:
        return single, np.ones_like(single)
    edges = np.geomspace(_SINGLE + 1, distinct + 1, 400)
    return (
        np.concatenate([single, np.sqrt(edges[1:] * edges[:-1])]),
        np.concatenate([np.ones_like(single), np.diff(edges)]),
    )
