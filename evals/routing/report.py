"""Figures of the routing decision, with bootstrap intervals over the questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from evals.routing.judging import Judged
from evals.routing.measures import Floats, apgr, calibration_error, call_share

RESAMPLES = 400
SHUFFLES = 200
#: APGR that a shuffle is expected to have, exactly and on every sample: it recovers of the gap what it sends large.
#: Intervals are taken against this, since how one shuffle happens to fall tells nothing of the classifier.
SHUFFLED = 0.5
_CI95 = (2.5, 97.5)


def summarise(judged: Sequence[Judged], *, seed: int = 0) -> dict[str, Any]:
    """For each source the keys of the contract; figures are means over the repeats that `judged` holds.

    An interval holds 95 % of the values over resamples of the questions, those of all repeats together. What a
    source without a gap between the models cannot have is None.
    """
    names = sorted({str(name) for each in judged for name in each.sources})
    rng = np.random.default_rng(seed)
    return {name: _of_source([each.of(name) for each in judged], rng) for name in names}


def _of_source(repeats: Sequence[Judged], rng: np.random.Generator) -> dict[str, Any]:
    quality = np.mean([each.quality.mean(axis=0) for each in repeats], axis=0)
    figures: dict[str, Any] = {
        "n": len(repeats[0].quality),
        "repeats": len(repeats),
        "small_quality": float(quality[0]),
        "large_quality": float(quality[1]),
        "trained_on": float(np.mean([each.seen.mean() for each in repeats])),
        "calibration_error": float(np.mean([calibration_error(each.small, each.quality[:, 0]) for each in repeats])),
        "at_threshold": _at_threshold(repeats),
    }
    if all(has_gap(each.quality) for each in repeats):
        return figures | _gap_figures(repeats, rng)
    nothing: dict[str, Any] = dict.fromkeys(("apgr", "apgr_ci95", "above_shuffle_ci95", "cpt50", "cpt80"))
    return figures | nothing | {"baselines": {"shuffle": None, "length": None}}


def has_gap(quality: Floats) -> bool:
    """Whether the large model is the better one on these questions."""
    return bool((quality[:, 1] - quality[:, 0]).sum() > 0)


def _gap_figures(repeats: Sequence[Judged], rng: np.random.Generator) -> dict[str, Any]:
    resampled = np.array([value for each in repeats for value in _resampled(each, rng)])
    values = [apgr(each.gain, each.quality) for each in repeats]
    return {
        "apgr": float(np.mean(values)),
        "apgr_sd": float(np.std(values)),
        "apgr_ci95": _interval(resampled),
        "above_shuffle_ci95": _interval(resampled - SHUFFLED),
        "cpt50": _mean(call_share(each.gain, each.quality, 0.5) for each in repeats),
        "cpt80": _mean(call_share(each.gain, each.quality, 0.8) for each in repeats),
        "baselines": {
            "shuffle": _mean(_shuffled(each.quality, rng) for each in repeats for _ in range(SHUFFLES)),
            "length": _mean(apgr(each.length, each.quality) for each in repeats),
        },
    }


def _resampled(judged: Judged, rng: np.random.Generator) -> list[float]:
    """APGR of the classifier on resamples of the questions that leave a gap."""
    values = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(0, len(judged.gain), len(judged.gain))
        quality = judged.quality[drawn]
        if has_gap(quality):
            values.append(apgr(judged.gain[drawn], quality))
    return values


def _shuffled(quality: Floats, rng: np.random.Generator) -> float:
    """APGR of an order drawn at random: at every cost it sends as many questions large as the classifier."""
    return apgr(rng.random(len(quality)), quality)


def _at_threshold(repeats: Sequence[Judged]) -> dict[str, float]:
    """What the classifier's own operating point comes to, beside a random choice of as many questions."""
    shares = [float((each.order >= each.threshold).mean()) for each in repeats]
    routed = [np.where(each.order >= each.threshold, each.quality[:, 1], each.quality[:, 0]).mean() for each in repeats]
    shuffled = [
        (1 - share) * each.quality[:, 0].mean() + share * each.quality[:, 1].mean()
        for share, each in zip(shares, repeats, strict=True)
    ]
    return {
        "share_large": float(np.mean(shares)),
        "quality": float(np.mean(routed)),
        "shuffle_quality": float(np.mean(shuffled)),
    }


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _interval(values: Floats) -> list[float]:
    low, high = np.percentile(values, _CI95)
    return [float(low), float(high)]
