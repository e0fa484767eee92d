"""A plot with its title, legend, axes and layers; and states over time as bands, one row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from evals.report.axes import Axis
from evals.report.layers import Key, Layer
from evals.report.markup import Markup, join, percent, tag

#: Width and height of a legend's sample, pixels.
_SAMPLE = (22, 12)
#: How thick a state is, pixels.
_THICK = {"good": 4, "fair": 9, "bad": 14, "plain": 9}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Layers over two axes, the first at the bottom.

    Attributes:
        title: what is seen, in a few words; the y axis' unit is put behind it.
        description: what it shows, for those who do not see it.
    """

    title: str
    description: str
    x: Axis
    y: Axis
    layers: Sequence[Layer]
    height_px: int = 170

    def html(self) -> Markup:
        """The figure."""
        drawn = (layer.draw(self.x, self.y) for layer in self.layers)
        keys = [key for layer in self.layers for key in layer.legend()]
        return figure(self.title, self.y.unit, keys, self._svg(join(drawn)))

    def _svg(self, drawn: Markup) -> Markup:
        inside = [_grid(self.y), drawn, tag("line", x1="0%", x2="100%", y1="100%", y2="100%", class_="axis")]
        return picture(self.title, self.description, self.height_px, [*inside, bottom(self.x)])


@dataclass(frozen=True, slots=True)
class Stretch:
    """A state from `start` to `end`; `told` is said where the pointer rests."""

    start: float
    end: float
    state: str
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """States over time: a row for each name, a coloured stretch for each state.

    Attributes:
        rows: of each name its stretches.
        styles: of each state "good", "fair" or "bad"; the worse, the thicker, for those who see no colours. "plain" is
            for what is none of these.
        behind: layers behind the rows, as the window of a fault.
        bare: see `figure`.
    """

    title: str
    description: str
    x: Axis
    rows: Mapping[str, Sequence[Stretch]]
    styles: Mapping[str, str]
    behind: Sequence[Layer] = ()
    row_px: int = 34
    bare: bool = False

    def html(self) -> Markup:
        """The figure."""
        axis = Axis("", 0.0, 1.0)
        rows = [self._row(number, name) for number, name in enumerate(self.rows)]
        inside = [*(layer.draw(self.x, axis) for layer in self.behind), *rows, bottom(self.x)]
        keys = [key for layer in self.behind for key in layer.legend()]
        keys += [Key(state, "area", f"state {style}") for state, style in self.styles.items()]
        svg = picture(self.title, self.description, self.row_px * len(self.rows), inside)
        return figure(self.title, "", keys, svg, bare=self.bare)

    def _row(self, number: int, name: str) -> Markup:
        top = number * self.row_px
        return join(
            [tag("text", name, x=0, y=top + 14, class_="name"), map(partial(self._stretch, name, top), self.rows[name])]
        )

    def _stretch(self, name: str, top: int, stretch: Stretch) -> Markup:
        start, end = self.x.share(stretch.start), self.x.share(stretch.end)
        style = self.styles[stretch.state]
        return tag(
            "rect",
            tag("title", stretch.told or f"{name}: {stretch.state}"),
            x=percent(start),
            width=percent(end - start),
            y=top + self.row_px - 9 - _THICK[style] / 2,
            height=_THICK[style],
            class_=f"state {style}",
        )


def figure(title: str, unit: str, keys: Sequence[Key], svg: Markup, *, bare: bool = False) -> Markup:
    """A figure: caption, legend, and the picture in its frame; a bare one leaves no room for the ticks of a y axis."""
    shown = tag("span", f" {unit}", class_="unit") if unit not in ("", "%") else None
    caption = tag("figcaption", tag("b", title), shown)
    legend = tag("ul", (tag("li", _sample(key), key.name) for key in keys), class_="legend") if len(keys) > 1 else None
    return tag(
        "figure",
        tag("div", caption, legend, class_="head"),
        tag("div", svg, class_="frame"),
        class_=f"plot{' bare' * bare}",
    )


def picture(title: str, description: str, height_px: int, inside: Sequence[Markup]) -> Markup:
    """An SVG as wide as its frame, with the names that a screen reader says."""
    names = [tag("title", title), tag("desc", description)]
    return tag("svg", names, inside, role="img", width="100%", height=height_px)


def bottom(axis: Axis) -> Markup:
    """Ticks and label below the area."""
    ticks = axis.ticks()
    labels = [
        tag("text", axis.tell(tick), x=percent(axis.share(tick)), y="100%", dy=16, text_anchor="middle", class_="tick")
        for tick in ticks
    ]
    return join([*labels, tag("text", axis.title(), x="100%", y="100%", dy=31, text_anchor="end", class_="tick")])


def _grid(axis: Axis) -> Markup:
    return join(map(partial(_grid_line, axis), axis.ticks()))


def _grid_line(axis: Axis, tick: float) -> Markup:
    place = percent(1 - axis.share(tick))
    label = tag("text", axis.tell(tick), x=-7, y=place, dy=4, text_anchor="end", class_="tick")
    return join([tag("line", x1="0%", x2="100%", y1=place, y2=place, class_="grid"), label])


def _sample(key: Key) -> Markup:
    width, height = _SAMPLE
    middle = height / 2
    line = {"x1": 0, "x2": width, "y1": middle, "y2": middle}
    shapes = {
        "line": tag("path", d=f"M0,{middle}H{width}", class_=key.style),
        "rule": tag("line", **line, class_=key.style),
        "dot": tag("circle", cx=width / 2, cy=middle, r=4, class_=key.style),
        "area": tag("rect", x=0.5, y=0.5, width=width - 1, height=height - 1, class_=key.style),
    }
    return tag("svg", shapes[key.shape], width=width, height=height, aria_hidden="true")
