"""What a ranking of questions by their need of the large model is worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def curve(score: Floats, quality: Floats) -> tuple[Floats, Floats]:
    """Share of questions sent large, and mean quality, for every threshold from the strictest on.

    Args:
        score: higher goes large first, shape [n]; equal scores go together.
        quality: of the small and the large model, shape [n, 2].
    """
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    gained = np.cumsum((quality[:, 1] - quality[:, 0])[order])[ends]
    n = len(score)
    return np.append(0.0, (ends + 1) / n), (quality[:, 0].sum() + np.append(0.0, gained)) / n


def recovered(score: Floats, quality: Floats) -> tuple[Floats, Floats]:
    """Share sent large, and performance gap recovered there: 0 is the small model's quality, 1 the large model's.

    Raises:
        ValueError: the large model is not the better one, so that there is no gap.
    """
    shares, means = curve(score, quality)
    gap = means[-1] - means[0]
    if gap <= 0:
        raise ValueError("the large model is not the better one")
    return shares, (means - means[0]) / gap


def apgr(score: Floats, quality: Floats) -> float:
    """Average performance gap recovered (Ong et al. 2024): the area under `recovered` over the share, 0.5 by chance."""
    shares, gap = recovered(score, quality)
    return float(np.trapezoid(gap, shares))


def call_share(score: Floats, quality: Floats, target: float) -> float:
    """The call-performance threshold CPT (Ong et al. 2024): the least share sent large that recovers the target."""
    shares, gap = recovered(score, quality)
    place = int(np.argmax(gap >= target))
    before = max(place - 1, 0)
    return float(np.interp(target, gap[[before, place]], shares[[before, place]]))


def calibration_error(probability: Floats, outcome: Floats, bins: int = 10) -> float:
    """Expected calibration error over bins of equal mass (Naeini et al. 2015)."""
    order = np.argsort(probability, kind="stable")
    gaps = [
        len(places) * abs(probability[places].mean() - outcome[places].mean())
        for places in np.array_split(order, min(bins, len(order)))
    ]
    return float(sum(gaps) / len(order))
