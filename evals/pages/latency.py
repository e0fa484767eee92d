"""Load runs: what users waited for, over time, by how the answer came about, and run beside run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evals.pages.found import Found
from evals.pages.styles import WIDE_SPREAD, styled
from evals.report.axes import Axis, number
from evals.report.layers import Layer, Line, Stack
from evals.report.markup import Markup, join, tag
from evals.report.page import Card, Cell, badge, cards, table, tables
from evals.report.plot import Plot
from evals.report.words import milliseconds, share

#: Stretches of a timeline at most, and points of a distribution.
STRETCHES, POINTS = 60, 200
PERCENTILES = (50, 95, 99)
HITS = ("exact", "semantic")
#: Verdicts bottom to top, with their styles; answers without one count as misses.
VERDICTS = {"exact": 1, "semantic": 3, "stale": 5, "miss": 0}

Floats = npt.NDArray[np.float64]
Rows = Sequence[Mapping[str, Any]]


def section(found: Sequence[Found]) -> Markup:
    """Runs side by side, then each by itself."""
    return join([_overview(found), _distributions(found), *map(_run, found)])


def hits(figures: Mapping[str, Any]) -> float | None:
    """Share of the answers that came from the cache."""
    answers = figures["requests"] - figures["errors"]
    return sum(figures["cache"].get(verdict, 0) for verdict in HITS) / answers if answers else None


def _overview(found: Sequence[Found]) -> Markup:
    rows: list[list[Cell]] = [
        [
            each.name,
            figures["offered_rps"],
            figures["achieved_rps"],
            figures["goodput_rps"],
            share(hits(figures)),
            figures["ttft_ms"]["p50"],
            figures["ttft_ms"]["p99"],
            figures["e2e_ms"]["p50"],
            figures["e2e_ms"]["p99"],
            figures["errors"],
            figures["degraded"],
            badge("valid" if figures["valid"] else "not valid", good=figures["valid"]),
        ]
        for each in found
        for figures in [each.figures]
    ]
    heads = ["", "offered", "answered", "good", "from cache", "TTFT p50", "p99", "end to end p50", "p99"]
    return table("Requests a second, and milliseconds", [*heads, "errors", "degraded", ""], rows)


def _distributions(found: Sequence[Found]) -> Markup | None:
    """Share of the answers that had come after so long, of each run."""
    curves = [(style, each.name, ms) for style, each in styled(found) if (ms := _sorted_ms(each.rows)).size]
    if not curves:
        return None
    shares = np.linspace(0, 1, POINTS)
    layers: list[Layer] = [
        Line(name, np.quantile(ms, shares).tolist(), shares.tolist(), style) for style, name, ms in curves
    ]
    told = "; ".join(f"{name}: half within {milliseconds(float(np.median(ms)))}" for _, name, ms in curves)
    ends = [float(end) for *_, ms in curves for end in (ms[0], ms[-1])]
    return Plot(
        title="Share of the answers that had come",
        description=told,
        x=Axis.over("after, ms", ends, spread=WIDE_SPREAD),
        y=Axis("", 0.0, 1.0, "%"),
        layers=layers,
    ).html()


def _run(each: Found) -> Markup:
    figures = each.figures
    slo = each.run.config.get("slo", "") if each.run else ""
    invalid = tag("p", f"Not valid: {'; '.join(figures['invalid_reasons'])}.", class_="bad")
    return join(
        [
            tag("h3", each.name),
            None if figures["valid"] else invalid,
            cards(_cards(figures, slo)),
            _timelines(each) if each.rows else None,
            tables(_groups(figures, "by_verdict", "cache"), _groups(figures, "by_model", "model"), _stages(figures)),
            _costs(figures),
        ]
    )


def _cards(figures: Mapping[str, Any], slo: str) -> list[Card]:
    good = figures["good"] / figures["requests"] if figures["requests"] else None
    told = [
        Card(
            "Goodput",
            f"{number(figures['goodput_rps'])}/s",
            f"{share(good)} of the requests {f'within {slo}' if slo else 'answered'}",
        ),
        Card("p99 end to end", milliseconds(figures["e2e_ms"]["p99"]), f"p50 {milliseconds(figures['e2e_ms']['p50'])}"),
        Card("From the cache", share(hits(figures)), _verdicts(figures)),
        Card("Errors", number(figures["errors"]), f"of {number(figures['requests'])} requests"),
    ]
    if cost := figures.get("cost"):
        told.append(Card("Saved by the cache", share(cost["cache_saved_share"]), "of the cost without it"))
        told.append(Card("Saved by routing", share(cost["routing_saved_share"]), "of the cost of the dearest model"))
    return told


def _verdicts(figures: Mapping[str, Any]) -> str:
    counted = (f"{number(figures['cache'].get(verdict, 0))} {verdict}" for verdict in HITS)
    texts = f"; {number(figures['texts'])} different questions" if "texts" in figures else ""
    return ", ".join(counted) + texts


def _timelines(each: Found) -> Markup:
    end_s = max(math.ceil(max(row["intended_s"] for row in each.rows)), 1)
    edges = np.linspace(0, end_s, min(STRETCHES, end_s) + 1)
    x = Axis("time, s", 0.0, float(end_s), "")
    places = np.clip(np.digitize([row["intended_s"] for row in each.rows], edges) - 1, 0, len(edges) - 2)
    stretches: list[list[Mapping[str, Any]]] = [[] for _ in edges[1:]]
    for place, row in zip(places, each.rows, strict=True):
        stretches[place].append(row)
    return join([_rates(x, edges, stretches), _latencies(x, edges, stretches), _shares(x, edges, stretches)])


def _rates(x: Axis, edges: Floats, stretches: Sequence[Rows]) -> Markup:
    width_s, middles = float(edges[1]), _middles(edges)
    asked = [len(rows) / width_s for rows in stretches]
    answered = [sum(row["error"] is None for row in rows) / width_s for rows in stretches]
    return Plot(
        title="Rate",
        description=f"Asked were up to {number(max(asked))}, answered of these up to {number(max(answered))} a second.",
        x=x,
        y=Axis.over("", asked, "requests a second"),
        layers=[Line("asked", middles, asked, 6), Line("answered of these", middles, answered, 1)],
        height_px=120,
    ).html()


def _latencies(x: Axis, edges: Floats, stretches: Sequence[Rows]) -> Markup:
    sorted_ms = [_sorted_ms(rows) for rows in stretches]
    curves = {f"p{q}": [float(np.percentile(ms, q)) if ms.size else math.nan for ms in sorted_ms] for q in PERCENTILES}
    y = Axis.over("", [value for values in curves.values() for value in values], "ms", spread=WIDE_SPREAD)
    return Plot(
        title=f"Time of the answers{' (logarithmic)' if y.log else ''}",
        description="By when they were asked: median, p95 and p99 of each stretch.",
        x=x,
        y=y,
        layers=[
            Line(name, _middles(edges), curves[name], style) for name, style in zip(curves, (1, 2, 4), strict=True)
        ],
    ).html()


def _shares(x: Axis, edges: Floats, stretches: Sequence[Rows]) -> Markup | None:
    """What the cache said, over time; nothing where the server has none."""
    answered = [[row["verdict"] for row in rows if row["error"] is None] for rows in stretches]
    if not any(verdict in HITS for verdicts in answered for verdict in verdicts):
        return None
    amounts = [
        (name, [sum(_known(v) == name for v in verdicts) / max(1, len(verdicts)) for verdicts in answered], style)
        for name, style in VERDICTS.items()
    ]
    return Plot(
        title="Where the answers came from, share",
        description="What the cache said, by when was asked.",
        x=x,
        y=Axis("", 0.0, 1.0, "%"),
        layers=[Stack(edges.tolist(), [each for each in amounts if any(each[1])])],
        height_px=110,
    ).html()


def _groups(figures: Mapping[str, Any], key: str, head: str) -> Markup:
    rows: list[list[Cell]] = [
        [name, group["requests"], group["ttft_ms"]["p50"], group["e2e_ms"]["p50"], group["e2e_ms"]["p99"]]
        for name, group in figures[key].items()
    ]
    return table(f"By {head}, milliseconds", [head, "requests", "TTFT p50", "p50", "p99"], rows)


def _stages(figures: Mapping[str, Any]) -> Markup:
    rows: list[list[Cell]] = [[name, ms["p50"], ms["p95"], ms["p99"]] for name, ms in figures["stages_ms"].items()]
    return table("The service's own time by stage, milliseconds", ["stage", "p50", "p95", "p99"], rows)


def _costs(figures: Mapping[str, Any]) -> Markup | None:
    if not (cost := figures.get("cost")):
        return None
    rows: list[list[Cell]] = [
        [model, each["answers"], each["amount"] / each["answers"] * 1e3] for model, each in cost["by_model"].items()
    ]
    return table("Answers that a model computed, and the cost of 1,000", ["model", "answers", "cost"], rows)


def _sorted_ms(rows: Rows) -> Floats:
    return np.sort([row["e2e_s"] * 1e3 for row in rows if row["error"] is None])


def _middles(edges: Floats) -> list[float]:
    middles: list[float] = ((edges[1:] + edges[:-1]) / 2).tolist()
    return middles


def _known(verdict: str | None) -> str:
    return verdict if verdict in VERDICTS else "miss"
