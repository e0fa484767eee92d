"""Soaks: memory, handles, threads and latency over time, each with its trend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evals.pages.found import Found
from evals.report.axes import Axis, number
from evals.report.layers import Line
from evals.report.markup import Markup, join, tag
from evals.report.page import Cell, badge, table, tables
from evals.report.plot import Plot
from evals.report.words import interval, share

#: What each measure is called, and its unit.
TITLES = {
    "rss_mib": ("memory (RSS)", "MiB"),
    "handles": ("handles", ""),
    "threads": ("threads", ""),
    "p50_ms": ("p50", "ms"),
    "p99_ms": ("p99", "ms"),
}


def section(found: Sequence[Found]) -> Markup:
    """Each soak by itself."""
    return join(map(_soak, found))


def _soak(each: Found) -> Markup:
    figures = each.figures
    lost = tag("p", f"Ended early: {figures['lost']}.", class_="bad") if figures.get("lost") else None
    counts = (f"{number(figures[name])} {name}" for name in ("minutes", "requests", "errors"))
    plots = [_plot(name, trend, each.rows) for name, trend in figures["trends"].items()] if each.rows else []
    heading = tag("h3", each.name, " ", _verdict(figures))
    trends = [_table(figures), tables(*plots)] if figures["trends"] else None
    return join([heading, lost, tag("p", ", ".join(counts)), trends])


def _verdict(figures: Mapping[str, Any]) -> Markup:
    if figures["leaks"]:
        return badge(f"grows: {', '.join(TITLES[name][0] for name in figures['leaks'])}", good=False)
    whole = figures["judged"] and not figures.get("lost")
    return badge("steady" if whole else "too short to tell", good=whole)


def _plot(name: str, trend: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Markup:
    minutes = [row["at_s"] / 60 for row in rows]
    values = [row[name] for row in rows]
    fitted = [trend["level"] + trend["slope_per_hour"] * (at - trend["level_at_minute"]) / 60 for at in minutes]
    shown = [line if at >= trend["from_minute"] else None for at, line in zip(minutes, fitted, strict=True)]
    title, unit = TITLES[name]
    return Plot(
        title=title,
        description=f"{number(trend['slope_per_hour'])} an hour ({interval(trend['ci95'])}).",
        x=Axis("time, minutes", 0.0, max(minutes)),
        y=Axis.over("", values, unit),
        layers=[Line("measured", minutes, values, 1), Line("trend", minutes, shown, 2)],
        height_px=120,
    ).html()


def _table(figures: Mapping[str, Any]) -> Markup:
    rows: list[list[Cell]] = [
        [
            ", ".join(filter(None, TITLES[name])),
            trend["level"],
            trend["slope_per_hour"],
            interval(trend["ci95"]),
            share(trend["growth"]),
            "grows" if name in figures["leaks"] else "steady",
        ]
        for name, trend in figures["trends"].items()
    ]
    heads = ["", "level", "an hour", "95 %", "growth over the run", ""]
    return table(f"Trends after the warm-up; growth up to {share(figures['tolerance'])} is steady", heads, rows)
