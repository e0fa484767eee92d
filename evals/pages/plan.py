"""Capacity plans: replicas and cost for a load, what each lever saves, the way to ten times the load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evals.pages.found import Found
from evals.planner.prices import PARTS
from evals.report.axes import Axis, number
from evals.report.layers import Dots, Line
from evals.report.markup import Markup, join, tag
from evals.report.page import Card, Cell, cards, table, tables
from evals.report.plot import Plot
from evals.report.words import milliseconds, share, times

Figures = Mapping[str, Any]


def section(found: Sequence[Found]) -> Markup:
    """Each plan by itself."""
    return join(map(_plan, found))


def sentence(figures: Figures) -> str:
    """What the plan found, in words."""
    last, ratio = figures["path"][-1], figures["cost_ratio_10x"]
    grown = "" if ratio is None else f"; {number(last['factor'])} times the load costs {times(ratio)} as much"
    return (
        f"{number(figures['rate_rps'])} requests a second, {share(figures['attain'])} of them within {figures['slo']}, "
        f"cost {number(figures['cost_per_hour'])} {figures['currency']} an hour{grown}."
    )


def _plan(each: Found) -> Markup:
    figures = each.figures
    return join(
        [
            tag("h3", each.name),
            tag("p", tag("strong", sentence(figures))),
            cards(_cards(figures)),
            _growth(figures),
            _path(figures),
            tables(_parts(figures), *([_saves(figures)] if figures["saves"] else [])),
            tag("p", "What the plan assumes", class_="caption"),
            tag("ul", (tag("li", told) for told in figures["assumptions"]), class_="soft"),
        ]
    )


def _cards(figures: Figures) -> list[Card]:
    expected, currency = figures["expected"], figures["currency"]
    grown, plain = figures["cost_ratio_10x"], figures["cost_ratio_10x_from_plain"]
    told = [
        Card("Cost of 1,000 answers", f"{number(figures['cost_per_1000'])} {currency}", "at today's load"),
        Card("p99 foreseen", milliseconds(expected["e2e_ms"]["p99"]), f"p50 {milliseconds(expected['e2e_ms']['p50'])}"),
        Card("Ten times the load", times(grown), "today's cost"),
    ]
    if plain is not None:
        told.append(Card("Ten times the load", times(plain), "today's cost without caching, routing and quantisation"))
    return told


def _growth(figures: Figures) -> Markup:
    path, currency = figures["path"], figures["currency"]
    rates, costs = ([row[name] for row in path] for name in ("rate_rps", "cost_per_hour"))
    proportional = [row["factor"] * costs[0] for row in path]
    words = [
        f"{number(rate)} a second: {number(cost)} {currency} an hour" for rate, cost in zip(rates, costs, strict=True)
    ]
    return Plot(
        title="Cost by load",
        description="; ".join(words),
        x=Axis.over("requests a second", rates),
        y=Axis.over("", proportional, f"{currency} an hour"),
        layers=[
            Line("in proportion to the load", rates, proportional, 6),
            Line("planned", rates, costs, 1),
            Dots("", rates, costs, 1, words),
        ],
    ).html()


def _path(figures: Figures) -> Markup:
    used = [name for name in PARTS if any(name in row["replicas"] for row in figures["path"])]
    rows: list[list[Cell]] = [
        [
            times(row["factor"]),
            row["rate_rps"],
            share(row["hits"]),
            *(row["replicas"].get(name) for name in used),
            row["cost_per_hour"],
            row["cost_per_1000"],
            times(row["cost_ratio"]),
        ]
        for row in figures["path"]
    ]
    currency = figures["currency"]
    heads = ["load", "a second", "from cache", *used, f"{currency} an hour", "for 1,000", "cost"]
    return table("Replicas of each part on the way to ten times the load", heads, rows)


def _saves(figures: Figures) -> Markup:
    rows: list[list[Cell]] = [
        [f"without {name}", row.get("impossible") or row["cost_per_hour"], share(row["saved"])]
        for name, row in figures["saves"].items()
    ]
    return table("Today's load without a lever, and what the lever saves of that", ["", "cost an hour", "saved"], rows)


def _parts(figures: Figures) -> Markup:
    expected = figures["expected"]
    rows: list[list[Cell]] = [
        [name, count, share(expected["utilisation"][name]), expected["waited_ms"][name]]
        for name, count in figures["replicas"].items()
    ]
    return table("Foreseen at today's load", ["part", "replicas", "busy", "mean wait, ms"], rows)
