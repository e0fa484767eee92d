"""Values with their intervals, one row each, over one axis: a forest plot (Lewis and Clarke, BMJ 2001)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from evals.report.axes import Axis, number
from evals.report.layers import Key, Layer
from evals.report.markup import Markup, join, percent, tag
from evals.report.plot import bottom, figure, picture

#: Height of a row whose name stands above its interval, and of one without a name, which belongs to the row above.
NAMED_PX, UNNAMED_PX = 34, 14
#: From the bottom of a row to the middle of its interval.
_RISE_PX = 9


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the ends of its interval, where it has one.

    Attributes:
        name: above the interval; without one it belongs to the row above.
        style: of a group, as a run.
        told: said where the pointer rests, and by screen readers.
    """

    name: str
    value: float
    interval: Sequence[float] | None = None
    style: int = 1
    told: str = ""

    @property
    def words(self) -> str:
        """Name, value and interval."""
        ends = "" if self.interval is None else f" ({number(self.interval[0])} to {number(self.interval[1])})"
        return f"{self.told or self.name}: {number(self.value)}{ends}"

    @property
    def height_px(self) -> int:
        """Of its row."""
        return NAMED_PX if self.name else UNNAMED_PX


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Estimates below each other.

    Attributes:
        groups: names in the legend, by style.
        behind: layers behind the rows, as a mark to compare with.
    """

    title: str
    x: Axis
    rows: Sequence[Estimate]
    groups: Sequence[tuple[str, int]] = ()
    behind: Sequence[Layer] = ()

    def html(self) -> Markup:
        """The figure."""
        ends_px = list(itertools.accumulate(row.height_px for row in self.rows))
        behind = [layer.draw(self.x, Axis("", 0.0, 1.0)) for layer in self.behind]
        rows = [self._row(end_px, row) for end_px, row in zip(ends_px, self.rows, strict=True)]
        inside = [*map(self._grid_line, self.x.ticks()), *behind, *rows, bottom(self.x)]
        svg = picture(self.title, "; ".join(row.words for row in self.rows), max(ends_px, default=0), inside)
        keys = [Key(name, "dot", f"dot s{style}") for name, style in self.groups]
        return figure(self.title, "", keys, svg, bare=True)

    def _grid_line(self, tick: float) -> Markup:
        place = percent(self.x.share(tick))
        return tag("line", x1=place, x2=place, y1="0%", y2="100%", class_="grid")

    def _row(self, end_px: int, row: Estimate) -> Markup:
        y = end_px - _RISE_PX
        low, high = (percent(self.x.share(end)) for end in row.interval or (row.value, row.value))
        place = percent(self.x.share(row.value))
        name = tag("text", row.name, x=0, y=y - 11, class_="name") if row.name else None
        line = tag("line", x1=low, x2=high, y1=y, y2=y, class_=f"line s{row.style}")
        return join(
            [name, line, tag("circle", tag("title", row.words), cx=place, cy=y, r=5, class_=f"dot s{row.style}")]
        )
