"""Whether what was measured over time grows."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from evals.errors import CannotMeasure

#: Samples that a trend needs after the warm-up.
LEAST = 8


def trend(minutes: Sequence[float], values: Sequence[float], warm_up: float) -> dict[str, Any] | None:
    """The Theil-Sen slope with its 95 % interval (Sen 1968), which single outliers do not move.

    Args:
        minutes: when each value was taken, rising.
        values: as many.
        warm_up: part of the time at the beginning that is left out, 0 to below 1.

    Returns:
        `level` (the median), the minute that it stands for and that from which on was looked (`level_at_minute`,
        `from_minute`), `slope_per_hour` with `ci95`, and `growth` over the time looked at, as a share of the level;
        None for fewer than `LEAST` values.

    Raises:
        CannotMeasure: scipy is not installed.
    """
    start = minutes[0] + (minutes[-1] - minutes[0]) * warm_up if minutes else 0.0
    kept = [(at, value) for at, value in zip(minutes, values, strict=True) if at >= start]
    if len(kept) < LEAST:
        return None
    at, value = np.array(kept).T
    slope, _, low, high = require_scipy().theilslopes(value, at)
    level = float(np.median(value))
    return {
        "level": level,
        "level_at_minute": float(np.median(at)),
        "from_minute": float(at[0]),
        "slope_per_hour": float(slope) * 60,
        "ci95": [float(low) * 60, float(high) * 60],
        "growth": float(slope * (at[-1] - at[0]) / level) if level else 0.0,
    }


def grows(found: Mapping[str, Any], tolerance: float) -> bool:
    """Whether it surely grows, and by more than the share that is tolerated."""
    return bool(found["ci95"][0] > 0 and found["growth"] > tolerance)


def require_scipy() -> ModuleType:
    """The statistics of scipy.

    Raises:
        CannotMeasure: it is not installed.
    """
    try:
        return importlib.import_module("scipy.stats")
    except ImportError as error:
        raise CannotMeasure("a soak needs scipy: pip install 'steadyrag[evals]'") from error
