"""Exact bounds on a proportion that was counted (Clopper and Pearson 1934)."""

from __future__ import annotations

import math

_HALVINGS = 50
_STEPS = 10_000
_PRECISION = 1e-12
_TINY = 1e-300


def at_least(successes: int, trials: int, *, confidence: float = 0.95) -> float:
    """The one-sided lower bound on the chance of success; 0.0 without successes."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS if successes else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if reaches(successes, trials, middle, confidence=confidence) else (low, middle)
    return low


def at_most(successes: int, trials: int, *, confidence: float = 0.95) -> float:
    """The one-sided upper bound on the chance of success; 1.0 without failures."""
    return 1.0 - at_least(trials - successes, trials, confidence=confidence)


def reaches(successes: int, trials: int, chance: float, *, confidence: float = 0.95) -> bool:
    """Whether the lower bound is at least `chance`: with a smaller chance so many successes would be too rare."""
    return successes > 0 and _incomplete_beta(successes, trials - successes + 1, chance) <= 1.0 - confidence


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function: the chance of at least `a` successes in a + b - 1 trials.

    Press et al., Numerical Recipes (2007), section 6.4.
    """
    if not 0.0 < x < 1.0:
        return x
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _incomplete_beta(b, a, 1.0 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) * _continued_fraction(a, b, x) / a


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Lentz's method on the continued fraction of the incomplete beta function."""
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _away(1.0 + term * d)
            c = _away(1.0 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            break
    return value


def _away(number: float) -> float:
    """The number, kept away from a division by zero."""
    return number if abs(number) > _TINY else _TINY
