"""What a plot shows: lines, stacks, bands, bars, windows, marks.

Everything is drawn in shares of the plot's area, so that one drawing fits every width. Text, bars and dots stand at
percentages; lines and areas lie in a nested picture that is stretched to the area, their strokes kept as they are.
Colours are numbers of the page's palette; a line also has a dash of its own, and an area a pattern, for those who see
no colours.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeGuard

from evals.report.axes import Axis
from evals.report.markup import Markup, join, percent, tag

#: Side of the nested picture; its units are thousandths of the area.
SPAN = 1000
#: Values over an axis; None and NaN are gaps.
Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend: the shape is "line", "area", "dot" or "rule"."""

    name: str
    shape: str
    style: str


class Layer(Protocol):
    """One thing that a plot shows."""

    def draw(self, x: Axis, y: Axis) -> Markup:
        """SVG elements for the plot's area."""

    def legend(self) -> list[Key]:
        """Its entries in the legend, if it has any."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through the points; a point between two gaps is a dot. Without a name it is in no legend."""

    name: str
    xs: Values
    ys: Values
    style: int = 1

    def draw(self, x: Axis, y: Axis) -> Markup:
        """See `Layer`."""
        parts = [_path(points, x, y) for points in _runs(self.xs, self.ys)]
        return stretched([tag("path", d=" ".join(parts), class_=f"line s{self.style}")])

    def legend(self) -> list[Key]:
        """See `Layer`."""
        return [Key(self.name, "line", f"line s{self.style}")] if self.name else []


@dataclass(frozen=True, slots=True)
class Dots:
    """A dot at each point, of each what is told where the pointer rests; without a name it is in no legend."""

    name: str
    xs: Values
    ys: Values
    style: int = 1
    told: Sequence[str] = ()

    def draw(self, x: Axis, y: Axis) -> Markup:
        """See `Layer`."""
        places = zip(self.xs, self.ys, self.told or [""] * len(self.xs), strict=True)
        return join(
            tag(
                "circle",
                tag("title", told) if told else None,
                cx=percent(x.share(at)),
                cy=percent(1 - y.share(value)),
                r=4,
                class_=f"dot s{self.style}",
            )
            for at, value, told in places
            if _known(at) and _known(value)
        )

    def legend(self) -> list[Key]:
        """See `Layer`."""
        return [Key(self.name, "dot", f"dot s{self.style}")] if self.name else []


@dataclass(frozen=True, slots=True)
class Band:
    """The area between two lines, as between two percentiles."""

    name: str
    xs: Values
    low: Values
    high: Values
    style: int = 1

    def draw(self, x: Axis, y: Axis) -> Markup:
        """See `Layer`."""
        lows = dict(zip(self.xs, self.low, strict=True))
        shapes = []
        for points in _runs(self.xs, self.high):
            under = [(at, value) for at, _ in reversed(points) if _known(value := lows[at])]
            shapes.append(_path([*points, *under], x, y) + "Z")
        return stretched([tag("path", d=" ".join(shapes), class_=f"band s{self.style}")])

    def legend(self) -> list[Key]:
        """See `Layer`."""
        return [Key(self.name, "area", f"band s{self.style}")]


@dataclass(frozen=True, slots=True)
class Stack:
    """Amounts upon each other, one step for each stretch of the axis.

    Attributes:
        edges: ends of the stretches, one more than amounts.
        amounts: of each name, bottom to top, with its style's number.
    """

    edges: Sequence[float]
    amounts: Sequence[tuple[str, Sequence[float], int]]

    def draw(self, x: Axis, y: Axis) -> Markup:
        """See `Layer`."""
        floor = [0.0] * (len(self.edges) - 1)
        shapes = []
        for _, amounts, style in self.amounts:
            top = [low + amount for low, amount in zip(floor, amounts, strict=True)]
            there, back = _stairs(self.edges, top), _stairs(self.edges, floor)[::-1]
            shapes.append(tag("path", d=_path([*there, *back], x, y) + "Z", class_=f"area s{style}"))
            floor = top
        return stretched(shapes)

    def legend(self) -> list[Key]:
        """See `Layer`."""
        return [Key(name, "area", f"area s{style}") for name, _, style in self.amounts]


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar from the axis up at each place, `width` wide in the axis' unit."""

    name: str
    xs: Values
    ys: Values
    width: float
    style: int = 1

    def draw(self, x: Axis, y: Axis) -> Markup:
        """See `Layer`."""
        return join(
            _box(x, at - self.width / 2, at + self.width / 2, top=1 - y.share(value), class_=f"area s{self.style}")
            for at, value in zip(self.xs, self.ys, strict=True)
            if _known(at) and _known(value)
        )

    def legend(self) -> list[Key]:
        """See `Layer`."""
        return [Key(self.name, "area", f"area s{self.style}")]


@dataclass(frozen=True, slots=True)
class Window:
    """A shaded stretch of the axis; `outlined` for above what would hide it."""

    name: str
    start: float
    end: float
    outlined: bool = False

    def draw(self, x: Axis, y: Axis) -> Markup:
        """See `Layer`."""
        return _box(x, self.start, self.end, top=0.0, class_=self._style)

    def legend(self) -> list[Key]:
        """See `Layer`."""
        return [Key(self.name, "area", self._style)]

    @property
    def _style(self) -> str:
        return "outline" if self.outlined else "window"


@dataclass(frozen=True, slots=True)
class Level:
    """A value to compare with, as a target."""

    name: str
    value: float

    def draw(self, x: Axis, y: Axis) -> Markup:
        """See `Layer`."""
        place = percent(1 - y.share(self.value))
        return tag("line", x1="0%", x2="100%", y1=place, y2=place, class_="level")

    def legend(self) -> list[Key]:
        """See `Layer`."""
        return [Key(self.name, "rule", "level")]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the axis, with its name beside it."""

    name: str
    at: float

    def draw(self, x: Axis, y: Axis) -> Markup:
        """See `Layer`."""
        share = x.share(self.at)
        place, beyond = percent(share), share > 0.7
        line = tag("line", x1=place, x2=place, y1="0%", y2="100%", class_="mark")
        side = {"dx": -5, "text_anchor": "end"} if beyond else {"dx": 5}
        return join([line, tag("text", self.name, x=place, y=11, class_="name", **side)])

    def legend(self) -> list[Key]:
        """See `Layer`: it bears its name itself."""
        return []


@dataclass(frozen=True, slots=True)
class Told:
    """Words for each stretch of the axis, shown where the pointer rests; needs no script."""

    edges: Sequence[float]
    words: Sequence[str]

    def draw(self, x: Axis, y: Axis) -> Markup:
        """See `Layer`."""
        ends = itertools.pairwise(self.edges)
        return join(
            _box(x, start, end, tag("title", words), top=0.0, class_="told")
            for (start, end), words in zip(ends, self.words, strict=True)
        )

    def legend(self) -> list[Key]:
        """See `Layer`."""
        return []


def stretched(shapes: Iterable[Markup]) -> Markup:
    """Shapes in thousandths of the area, drawn over all of it."""
    whole = {"viewBox": f"0 0 {SPAN} {SPAN}", "preserveAspectRatio": "none"}
    return tag("svg", shapes, x="0", y="0", width="100%", height="100%", **whole)


def _box(x: Axis, start: float, end: float, *inner: Markup, top: float, class_: str) -> Markup:
    left, right = x.share(start), x.share(end)
    place = {"x": percent(left), "width": percent(right - left), "y": percent(top), "height": percent(1 - top)}
    return tag("rect", *inner, **place, class_=class_)


def _path(points: Iterable[tuple[float, float]], x: Axis, y: Axis) -> str:
    places = [f"{x.share(at) * SPAN:.1f},{(1 - y.share(value)) * SPAN:.1f}" for at, value in points]
    return f"M{places[0]}h0" if len(places) == 1 else "M" + "L".join(places)


def _runs(xs: Values, ys: Values) -> Iterator[list[tuple[float, float]]]:
    """The points without the gaps, each unbroken run by itself."""
    for known, points in itertools.groupby(zip(xs, ys, strict=True), lambda point: all(map(_known, point))):
        if known:
            yield [(float(at or 0), float(value or 0)) for at, value in points]


def _stairs(edges: Sequence[float], values: Sequence[float]) -> list[tuple[float, float]]:
    return [(edge, value) for ends, value in zip(itertools.pairwise(edges), values, strict=True) for edge in ends]


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)
