"""Axes: from values to places, with ticks at round numbers, and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

#: Ticks that an axis has at most; on a phone's width more would touch.
MOST_TICKS = 6
#: Steps between ticks, times a power of ten.
_DECIMAL = (1.0, 2.0, 5.0)
#: Steps between ticks of a time axis, seconds.
_TIMES_S = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0)


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a plot.

    Attributes:
        label: what it shows.
        low: its value at the beginning.
        high: its value at the end.
        unit: "s" has ticks at seconds and minutes, "%" shows shares 0..1 as percent.
        log: whether equal ratios are equal distances; `low` is then above 0.
    """

    label: str
    low: float
    high: float
    unit: str = ""
    log: bool = False

    @classmethod
    def over(cls, label: str, values: Iterable[float | None], unit: str = "", *, spread: float = math.inf) -> Self:
        """An axis from 0 to a round number beyond the values; logarithmic where they spread wider than `spread`."""
        known = [value for value in values if value is not None and math.isfinite(value)]
        high, low = max(known, default=1.0), min((value for value in known if value > 0), default=1.0)
        if high / low > spread:
            return cls(label, 10 ** math.floor(math.log10(low)), _log_ceiling(high), unit, log=True)
        step = _step(high or 1.0, _DECIMAL)
        return cls(label, 0.0, math.ceil((high or 1.0) / step - 1e-9) * step, unit)

    def share(self, value: float) -> float:
        """Where the value stands between the ends, 0..1; what lies beyond them stands at them."""
        if self.log:
            value, low, high = math.log(max(value, self.low)), math.log(self.low), math.log(self.high)
        else:
            low, high = self.low, self.high
        return min(1.0, max(0.0, (value - low) / ((high - low) or 1.0)))

    def ticks(self) -> list[float]:
        """Round values within the axis, at most `MOST_TICKS` but for a logarithmic axis' decades."""
        if self.log:
            return self._log_ticks()
        step = _step(self.high - self.low, _TIMES_S if self.unit == "s" else _DECIMAL)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [step * n for n in range(first, last + 1)]

    def tell(self, value: float) -> str:
        """The value as a tick says it, without the unit but for percent."""
        return f"{number(value * 100)}%" if self.unit == "%" else number(value)

    def title(self) -> str:
        """The label with its unit."""
        return f"{self.label}, {self.unit}" if self.unit not in ("", "%") else self.label

    def _log_ticks(self) -> list[float]:
        decades = range(math.floor(math.log10(self.low) + 1e-9), math.ceil(math.log10(self.high) - 1e-9) + 1)
        steps = (1.0,) if len(decades) > 3 else _DECIMAL
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        return [tick for tick in ticks if self.low * (1 - 1e-9) <= tick <= self.high * (1 + 1e-9)]


def number(value: float | None) -> str:
    """Three significant digits, thousands apart; "–" for what was not measured, "∞" for what never came."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}".replace("-", "−")
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{places}f}".rstrip("0").rstrip(".").replace("-", "−")


def _step(span: float, steps: tuple[float, ...]) -> float:
    """The least round step that divides the span into fewer than `MOST_TICKS` parts."""
    if steps is _TIMES_S and 1.0 < span <= _TIMES_S[-1] * (MOST_TICKS - 1):
        return next(step for step in steps if span / step <= MOST_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(span / MOST_TICKS or 1.0))
    return next(power * step for step in (*_DECIMAL, 10.0, 20.0) if span / (power * step) <= MOST_TICKS - 1)


def _log_ceiling(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (*_DECIMAL, 10.0) if value <= power * step * (1 + 1e-9))
