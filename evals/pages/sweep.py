"""A sweep's picture: throughput against latency, with the knee, what is sustained, and where to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evals.load.slo import Slo
from evals.pages.found import Found
from evals.pages.styles import WIDE_SPREAD, styled
from evals.report.axes import Axis, number
from evals.report.layers import Dots, Layer, Level, Line, Mark
from evals.report.markup import Markup, join, tag
from evals.report.page import Card, Cell, cards, table
from evals.report.plot import Plot
from evals.report.words import milliseconds, share

Figures = Mapping[str, Any]


def section(found: Sequence[Found]) -> Markup:
    """All sweeps beside each other, then each by itself."""
    return join([_compared(found) if len(found) > 1 else None, *map(_sweep, found)])


def _sweep(each: Found) -> Markup:
    figures = each.figures
    return join(
        [
            tag("h3", each.name),
            tag("p", tag("strong", sentence(figures))),
            None if figures["valid"] else tag("p", "Not valid: at some rate the load generator lagged.", class_="bad"),
            cards(_cards(figures)),
            _hockey_stick(figures),
            _throughput(figures),
            _table(figures),
        ]
    )


def sentence(figures: Figures) -> str:
    """What the sweep found, in words."""
    most, where = figures["max_sustainable_rps"], figures["operating_point"]
    if most is None:
        return f"No rate that was tried keeps the objective ({figures['slo']})."
    least = "" if figures["broke"] else "at least "
    return (
        f"Sustains {least}{number(most)} requests a second within {figures['slo']} for {share(figures['attain'])} of "
        f"them; the knee lies at {number(figures['knee_rps'])}; run at {number(where['rate_rps'])}."
    )


def _cards(figures: Figures) -> list[Card]:
    where, asked = figures["operating_point"], "requests a second"
    told = [
        Card("Sustained", number(figures["max_sustainable_rps"]), asked),
        Card("Knee", number(figures["knee_rps"]), asked),
    ]
    if where is not None:
        told += [
            Card("Operating point", number(where["rate_rps"]), f"{asked}, {share(where['headroom'])} kept free"),
            Card("p99 expected there", milliseconds(where["e2e_ms"]["p99"]), "end to end"),
        ]
    return told


def _hockey_stick(figures: Figures) -> Markup:
    points = [point for point in figures["points"] if point["e2e_ms"]["p50"] is not None]
    answered = [point["achieved_rps"] for point in points]
    words = [
        f"{number(p['rate_rps'])} asked, {number(p['achieved_rps'])} answered a second, p50 "
        f"{milliseconds(p['e2e_ms']['p50'])}, p99 {milliseconds(p['e2e_ms']['p99'])}"
        for p in points
    ]
    curves = {name: [point["e2e_ms"][name] for point in points] for name in ("p50", "p99")}
    bound_ms = Slo.parse(figures["slo"]).e2e * 1e3
    y = Axis.over("", [value for values in curves.values() for value in values], "ms", spread=WIDE_SPREAD)
    layers: list[Layer] = [Level(f"objective {number(bound_ms)} ms", bound_ms)] if bound_ms <= y.high else []
    for style, (name, values) in zip((1, 4), curves.items(), strict=True):
        layers += [Line(name, answered, values, style), Dots("", answered, values, style, words)]
    return Plot(
        title="Latency against throughput, end to end",
        description="; ".join(words),
        x=Axis.over("answered, requests a second", answered),
        y=y,
        layers=[*layers, *_landmarks(figures)],
        height_px=240,
    ).html()


def _landmarks(figures: Figures) -> list[Layer]:
    """The knee, at the rate that was answered there, and where to run."""
    where, knee_rps = figures["operating_point"], figures["knee_rps"]
    found: list[Layer] = [Mark("knee", p["achieved_rps"]) for p in figures["points"] if p["rate_rps"] == knee_rps]
    if where is not None:
        told = [f"run here: {number(where['rate_rps'])} a second, p99 {milliseconds(where['e2e_ms']['p99'])}"]
        found.append(Dots("operating point", [where["rate_rps"]], [where["e2e_ms"]["p99"]], 3, told))
    return found


def _throughput(figures: Figures) -> Markup:
    points = figures["points"]
    asked = [point["rate_rps"] for point in points]
    answered, good = ([point[name] for point in points] for name in ("achieved_rps", "goodput_rps"))
    return Plot(
        title="Asked against answered",
        description=f"Answered up to {number(max(answered))}, within the objective up to {number(max(good))} a second.",
        x=Axis.over("asked, requests a second", asked),
        y=Axis.over("", [*answered, *good, *asked], "requests a second"),
        layers=[
            Line("asked", asked, asked, 6),
            Line("answered", asked, answered, 1),
            Line("within the objective", asked, good, 2),
            *([Mark("sustained", figures["max_sustainable_rps"])] if figures["max_sustainable_rps"] else []),
        ],
    ).html()


def _table(figures: Figures) -> Markup:
    rows: list[list[Cell]] = [
        [
            number(point["rate_rps"]),
            point["achieved_rps"],
            point["goodput_rps"],
            share(point["attained"]),
            point["ttft_ms"]["p99"],
            point["e2e_ms"]["p50"],
            point["e2e_ms"]["p99"],
            point["errors"],
            "kept" if point["kept"] else "broken",
        ]
        for point in figures["points"]
    ]
    heads = ["asked", "answered", "good", "within", "TTFT p99, ms", "p50, ms", "p99, ms", "errors", "objective"]
    return table("Every rate, requests a second", heads, rows)


def _compared(found: Sequence[Found]) -> Markup:
    layers: list[Layer] = []
    for style, each in styled(found):
        points = [point for point in each.figures["points"] if point["e2e_ms"]["p99"] is not None]
        xs, ys = [point["achieved_rps"] for point in points], [point["e2e_ms"]["p99"] for point in points]
        layers += [Line(each.name, xs, ys, style), Dots("", xs, ys, style)]
    points = [point for each in found for point in each.figures["points"]]
    rows: list[list[Cell]] = [
        [
            each.name,
            str(each.figures["slo"]),
            each.figures["max_sustainable_rps"],
            each.figures["knee_rps"],
            (each.figures["operating_point"] or {}).get("rate_rps"),
        ]
        for each in found
    ]
    return join(
        [
            Plot(
                title="p99 end to end against throughput",
                description=" ".join(f"{each.name}: {sentence(each.figures)}" for each in found),
                x=Axis.over("answered, requests a second", [point["achieved_rps"] for point in points]),
                y=Axis.over("", [point["e2e_ms"]["p99"] for point in points], "ms", spread=WIDE_SPREAD),
                layers=layers,
                height_px=240,
            ).html(),
            table("Sweeps, requests a second", ["", "objective", "sustained", "knee", "run at"], rows),
        ]
    )
