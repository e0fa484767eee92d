"""The cache's and the router's decisions on labelled data."""

from __future__ import annotations

from collections.abc import Sequence

from evals.pages.found import Found
from evals.report.axes import Axis
from evals.report.forest import Estimate, Forest
from evals.report.layers import Mark
from evals.report.markup import Markup, join
from evals.report.page import Cell, table
from evals.report.words import interval, milliseconds, share

#: APGR of a shuffle that sends as many questions to the large model.
SHUFFLED = 0.5


def cache(found: Sequence[Found]) -> Markup:
    """How often each policy serves, and how often rightly."""
    return join(map(_cache, found))


def routing(found: Sequence[Found]) -> Markup:
    """What of the gap between the models the router recovers."""
    return join(map(_routing, found))


def _cache(each: Found) -> Markup:
    policies = each.figures["policies"]
    estimates = [
        Estimate(policy if style == 1 else "", figures[name], figures[f"{name}_ci95"], style, f"{policy}, {name}")
        for policy, figures in policies.items()
        for style, name in ((1, "precision"), (2, "recall"))
        if figures[name] is not None
    ]
    rows: list[list[Cell]] = [
        [
            name,
            figures["served"],
            share(figures["precision"]),
            share(figures["recall"]),
            share(figures["false_hit_rate"]),
            share(figures["false_hit_upper95"]),
        ]
        for name, figures in policies.items()
    ]
    reached = each.figures["recall_at_precision"]
    targets = list(next(iter(reached.values())))
    reached_rows: list[list[Cell]] = [
        [name, *(share(by[target]) for target in targets)] for name, by in reached.items()
    ]
    pairs = f"{each.name}: {each.figures['n']:,} pairs, {each.figures['n_same']:,} with one answer"
    return join(
        [
            Forest(
                title=f"{each.name}: what is served, and rightly",
                x=Axis("", 0.0, 1.0, "%"),
                rows=estimates,
                groups=[("precision", 1), ("recall", 2)],
            ).html(),
            table(pairs, ["policy", "served", "precision", "recall", "false hits", "at most (95 %)"], rows),
            table("Recall at a precision of", ["ranking", *(share(float(target)) for target in targets)], reached_rows),
        ]
    )


def _routing(each: Found) -> Markup:
    sources = each.figures["sources"]
    estimates = [
        Estimate(name, figures["apgr"], figures["apgr_ci95"])
        for name, figures in sources.items()
        if figures["apgr"] is not None
    ]
    rows: list[list[Cell]] = [
        [
            name,
            figures["n"],
            figures["small_quality"],
            figures["large_quality"],
            figures["apgr"],
            interval(figures["apgr_ci95"]),
            figures["baselines"]["length"],
            share(figures["cpt50"]),
            share(figures["cpt80"]),
        ]
        for name, figures in sources.items()
    ]
    heads = ["source", "n", "small", "large", "APGR", "95 %", "by length", "CPT 50", "CPT 80"]
    took = milliseconds(each.figures["decision_p50_ms"])
    return join(
        [
            Forest(
                title=f"{each.name}: gap recovered (APGR)",
                x=Axis("", 0.0, 1.0),
                rows=estimates,
                behind=[Mark("shuffle", SHUFFLED)],
            ).html(),
            table(f"{each.name}: quality of the models, and what the order is worth; decided in {took}", heads, rows),
        ]
    )
