"""Paired tests of several measures at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Sign flips, and signs drawn at once.
FLIPS, _DRAWN = 9_999, 20_000_000


@dataclass(frozen=True, slots=True)
class Tested:
    """One measure: chance, if nothing were worse, of a loss as clear as this, alone and among all measures tested."""

    p: float
    p_adjusted: float


def judge_losses(differences: Floats, seed: int = 0, flips: int = FLIPS) -> list[Tested]:
    """Whether means are below 0: Fisher's sign-flip permutation test, one-sided, exact up to the number of flips.

    If candidate and baseline are alike, each query's difference is as likely as its opposite. All measures of a query
    flip together, so the adjustment for several measures (Westfall and Young 1993, single-step min-t) takes their
    correlation into account: the chance of any false alarm is bounded, not of one for each measure.

    Args:
        differences: candidate minus baseline, shape [queries, measures]; NaN where there is nothing to compare.
        seed: of the flips.
        flips: how many; no chance below 1 / (flips + 1) can be told.

    Returns:
        One for each measure.
    """
    known = np.nan_to_num(differences)
    scale = np.sqrt((known**2).sum(axis=0))
    # A measure that never differs has no scale, and 0 everywhere.
    known = np.divide(known, scale, out=np.zeros_like(known), where=scale > 0)
    observed = known.sum(axis=0)
    flipped = _flipped(known, seed, flips)
    # Sums in another order differ by rounding, which must not turn a tie into a loss.
    reached = observed + 1e-9
    alone = (1 + (flipped <= reached).sum(axis=0)) / (flips + 1)
    worst = flipped.min(axis=1, keepdims=True) if flipped.shape[1] else flipped
    among = (1 + (worst <= reached).sum(axis=0)) / (flips + 1)
    return [Tested(float(p), float(adjusted)) for p, adjusted in zip(alone, among, strict=True)]


def _flipped(known: Floats, seed: int, flips: int) -> Floats:
    """Sums of each measure with signs drawn anew for each query, shape [flips, measures]."""
    rng, n = np.random.default_rng(seed), len(known)
    at_once = max(1, _DRAWN // max(1, n))
    parts = range(0, flips, at_once)
    signs = (rng.integers(0, 2, size=(min(at_once, flips - start), n), dtype=np.int8) * 2 - 1 for start in parts)
    return np.concatenate([drawn.astype(np.float64) @ known for drawn in signs])
