"""The breaking point: strength of a fault against what becomes of the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.analysis.runs import Strength, breaking_point, sweep
from chaos.report.result import Result
from chaos.report.words import head, target, told
from evals.report.axes import Axis, number
from evals.report.layers import Dots, Layer, Level, Line, Mark
from evals.report.markup import Markup, join, tag
from evals.report.page import Cell, badge, table
from evals.report.plot import Plot

#: What is plotted against the strength: figure, title, unit.
PLOTTED = (
    ("p95_open_ms", "p95 under the fault, once the breakers that open are open", "ms"),
    ("availability", "Availability", "%"),
    ("recovery_s", "Whole again after", "seconds"),
)
#: Strengths that spread wider get a logarithmic axis.
WIDE_SPREAD = 20.0
#: Where the axis of a share begins: small losses count, so it begins near them.
FLOORS = (0.98, 0.9, 0.5, 0.0)
#: Columns of the table.
COLUMNS = ("availability", "p95_ratio", "unlabelled_degraded", "over_deadline", "time_to_open_s", "recovery_s")


def varied(results: Sequence[Result]) -> str | None:
    """The fault's parameter, if its value differs between runs of one experiment; else None."""
    faults: list[Mapping[str, Any]] = [result.config.get("fault", {}) for result in results]
    return faults[0].get("parameter") if len({fault.get("value") for fault in faults}) > 1 else None


def section(results: Sequence[Result], parameter: str) -> Markup:
    """The sweep as a sentence, plots and a table."""
    bounds = results[0].config["targets"]
    swept = sweep(((float(r.config["fault"]["value"]), r.figures) for r in results), bounds)
    holds, breaks = breaking_point(swept)
    marks = [Mark("breaks", breaks)] if breaks is not None else []
    return join(
        [
            tag("p", tag("strong", _sentence(parameter, holds, breaks))),
            *(_Plotted(*each, bounds.get(each[0])).html(swept, parameter, marks) for each in PLOTTED),
            _table(swept, parameter),
        ]
    )


@dataclass(frozen=True, slots=True)
class _Plotted:
    """A figure against the strength."""

    name: str
    title: str
    unit: str
    bound: Sequence[float | None] | None

    def html(self, swept: Sequence[Strength], parameter: str, marks: Sequence[Mark]) -> Markup:
        values, found = [each.value for each in swept], [each.figures[self.name] for each in swept]
        words = [f"{parameter} {number(v)}: {told(self.name, f)}" for v, f in zip(values, found, strict=True)]
        levels, held = self._levels(), [each.figures["verdict"] == "pass" for each in swept]
        lines: list[Layer] = [Line("", values, found)]
        for name, style, kept in (("targets held", 1, held), ("targets missed", 2, [not each for each in held])):
            chosen = [figure if keep else None for figure, keep in zip(found, kept, strict=True)]
            lines += [Dots(name, values, chosen, style, words)] if any(kept) else []
        return Plot(
            title=self.title,
            description=f"{self.title} by {parameter}: {'; '.join(words)}.",
            x=Axis.over(parameter, values, spread=WIDE_SPREAD),
            y=self._axis([*found, *(level.value for level in levels)]),
            layers=[*levels, *lines, *marks],
            height_px=150,
        ).html()

    def _axis(self, values: Sequence[float | None]) -> Axis:
        if self.unit != "%":
            return Axis.over("", values, self.unit)
        least = min((value for value in values if value is not None), default=0.0)
        return Axis("", next(floor for floor in FLOORS if floor <= least), 1.0, "%")

    def _levels(self) -> list[Level]:
        """The bound that matters, as a line."""
        if self.bound is None:
            return []
        least, most = self.bound
        value = least if most is None or most == least else most
        return [] if value is None else [Level(f"target: {target(self.name, self.bound)}", value)]


def _sentence(parameter: str, holds: float | None, breaks: float | None) -> str:
    if breaks is None:
        return f"Nothing broke: every target holds up to {parameter} = {number(holds)}, the strongest that was tried."
    if holds is None:
        return f"Targets are missed from the weakest fault on that was tried: {parameter} = {number(breaks)}."
    return f"Breaking point: every target holds up to {parameter} = {number(holds)}, not at {number(breaks)}."


def _table(swept: Sequence[Strength], parameter: str) -> Markup:
    rows: list[list[Cell]] = [
        [
            number(each.value),
            badge(each.figures["verdict"], good=each.figures["verdict"] == "pass"),
            *(told(name, each.figures[name]) for name in COLUMNS),
        ]
        for each in swept
    ]
    return table("Fault strength against the targets", [parameter, "verdict", *map(head, COLUMNS)], rows)
