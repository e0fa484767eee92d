"""95 % intervals of shares and means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cache.bounds import at_least, at_most

#: One side of a two-sided 95 % interval.
_SIDE = 0.975
_RESAMPLES = 2_000
#: Numbers drawn at once.
_DRAWN = 4_000_000


def share(part: int, whole: int) -> dict[str, float | list[float] | int | None]:
    """A share with its exact interval (Clopper and Pearson 1934); a share of nothing is None."""
    if not whole:
        return {"value": None, "ci95": None, "n": 0}
    interval = [at_least(part, whole, confidence=_SIDE), at_most(part, whole, confidence=_SIDE)]
    return {"value": part / whole, "ci95": interval, "n": whole}


def mean(values: Sequence[float | None], seed: int = 0) -> dict[str, float | list[float] | int | None]:
    """A mean with its percentile bootstrap interval (Efron 1979); what is None was not measured and does not count."""
    known = np.array([value for value in values if value is not None], float)
    if not known.size:
        return {"value": None, "ci95": None, "n": 0}
    low, high = np.percentile(resampled_means(known, seed), (2.5, 97.5))
    return {"value": float(known.mean()), "ci95": [float(low), float(high)], "n": known.size}


def resampled_means(values: npt.NDArray[np.float64], seed: int = 0) -> npt.NDArray[np.float64]:
    """Means of resamples drawn with replacement from `values`, shape [resamples]."""
    rng, n = np.random.default_rng(seed), len(values)
    at_once = max(1, _DRAWN // n)
    parts = range(0, _RESAMPLES, at_once)
    drawn = [values[rng.integers(n, size=(min(at_once, _RESAMPLES - start), n))].mean(axis=1) for start in parts]
    return np.concatenate(drawn)
