"""Where to draw the line between the models: the threshold for a quality to keep, or for a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from router.features import Floats

#: Thresholds that no gain reaches, and that every gain reaches.
NONE_LARGE, ALL_LARGE = 1.0, -1.0
RESAMPLES = 500
_CI95 = (2.5, 97.5)

#: The threshold for gains, shape [n], and qualities of both models, shape [n, 2].
Rule = Callable[[Floats, Floats], float]
Interval = tuple[float, float]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """An operating point and what it comes to on the outcomes it was found on, with 95 % bootstrap intervals.

    Attributes:
        threshold: the gain from which on the large model is asked.
        share_large: share of the questions that go there.
        quality: mean quality of the routed answers, 0 to 1.
        quality_kept: the same as a share of the large model's.
    """

    n: int
    threshold: float
    threshold_ci95: Interval
    share_large: float
    share_large_ci95: Interval
    quality: float
    quality_ci95: Interval
    quality_kept: float
    quality_kept_ci95: Interval


def for_quality(target: float) -> Rule:
    """Ask the large model as seldom as keeps this share (0 to 1) of its mean quality."""

    def rule(gains: Floats, quality: Floats) -> float:
        order, ends = _ranked(gains)
        total = quality[:, 0].sum() + np.append(0.0, np.cumsum((quality[:, 1] - quality[:, 0])[order])[ends])
        enough = np.flatnonzero(total >= target * quality[:, 1].sum() - 1e-9)
        return _threshold(gains[order], ends, int(enough[0])) if len(enough) else ALL_LARGE

    return rule


def for_share(share: float) -> Rule:
    """Ask the large model for at most this share (0 to 1) of the questions, those of the largest gain."""

    def rule(gains: Floats, quality: Floats) -> float:
        order, ends = _ranked(gains)
        affordable = np.searchsorted(ends + 1, share * len(gains) + 1e-9, side="right")
        return _threshold(gains[order], ends, int(affordable))

    return rule


def affordable_share(budget: float, *, price_small: float, price_large: float) -> float:
    """The share of questions that may go large when an answer may cost `budget` on average; prices in its unit.

    Raises:
        ValueError: the large model is not the dearer one, or even the small one alone exceeds the budget.
    """
    if price_large <= price_small:
        raise ValueError("the large model must cost more than the small one")
    if budget < price_small:
        raise ValueError(f"the budget of {budget:g} does not pay for the small model at {price_small:g}")
    return min(1.0, (budget - price_small) / (price_large - price_small))


def calibrate(gains: Floats, quality: Floats, rule: Rule, *, seed: int = 0) -> Calibrated:
    """Apply the rule, and again to each of `RESAMPLES` resamples of the questions (Efron 1979) for the intervals.

    The threshold's interval tells how far another sample would have moved it; the others hold the threshold fixed.
    """
    rng = np.random.default_rng(seed)
    threshold = rule(gains, quality)
    moved, outcomes = [], []
    for _ in range(RESAMPLES):
        drawn = rng.integers(0, len(gains), len(gains))
        moved.append(rule(gains[drawn], quality[drawn]))
        outcomes.append(_outcome(gains[drawn], quality[drawn], threshold))
    share, mean, kept = _outcome(gains, quality, threshold)
    share_ci, mean_ci, kept_ci = (_interval(column) for column in np.array(outcomes).T)
    return Calibrated(
        n=len(gains),
        threshold=threshold,
        threshold_ci95=_interval(np.array(moved)),
        share_large=share,
        share_large_ci95=share_ci,
        quality=mean,
        quality_ci95=mean_ci,
        quality_kept=kept,
        quality_kept_ci95=kept_ci,
    )


def _ranked(gains: Floats) -> tuple[Places, Places]:
    """Places from the largest gain down, and the last place of each group of equal gains."""
    order = np.argsort(-gains, kind="stable")
    return order, np.flatnonzero(np.append(np.diff(gains[order]) != 0, True))


def _threshold(ranked: Floats, ends: Places, groups: int) -> float:
    """The gain half-way between the last group that goes large and the first that does not."""
    if groups == 0:
        return NONE_LARGE
    if groups == len(ends):
        return ALL_LARGE
    return float((ranked[ends[groups - 1]] + ranked[ends[groups]]) / 2)


def _outcome(gains: Floats, quality: Floats, threshold: float) -> tuple[float, float, float]:
    """Share that goes large, mean quality, and that as a share of the large model's (1.0 if that is never right)."""
    large = gains >= threshold
    mean = float(np.where(large, quality[:, 1], quality[:, 0]).mean())
    best = float(quality[:, 1].mean())
    return float(large.mean()), mean, mean / best if best else 1.0


def _interval(values: Floats) -> Interval:
    low, high = np.percentile(values, _CI95)
    return float(low), float(high)
