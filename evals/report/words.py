"""Values in words: shares, ratios and times as people read them."""

from __future__ import annotations

import math

from evals.report.axes import number


def share(value: float | None) -> str:
    """A share as percent, and never 100 % where something is missing."""
    if value is None:
        return "–"
    told = number(value * 100)
    return f"{told if value in (0.0, 1.0) or told != '100' else '99.99'} %"


def times(value: float | None) -> str:
    """A ratio."""
    return "–" if value is None else f"{number(value)} ×"


def seconds(value: float | None) -> str:
    """A time; what never came is "never"."""
    if value is None:
        return "–"
    return "never" if math.isinf(value) else f"{number(value)} s"


def milliseconds(value: float | None) -> str:
    """A short time."""
    return "–" if value is None else f"{number(value)} ms"


def interval(ends: tuple[float, float] | list[float] | None) -> str:
    """The ends of an interval."""
    return "–" if ends is None else f"{number(ends[0])} to {number(ends[1])}"
