"""Retrieval and answers: each measure with its interval, and runs on the same questions compared pair by pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evals.answers.judging import MEASURES as ANSWER_MEASURES
from evals.errors import CannotMeasure
from evals.gate.compare import compare, read_pair
from evals.pages.found import Found
from evals.pages.styles import styled
from evals.report.axes import Axis, number
from evals.report.forest import Estimate, Forest
from evals.report.markup import Markup, join, tag
from evals.report.page import Cell, badge, table
from evals.report.words import interval
from evals.retrieval.scores import MEASURES

#: Where an axis of shares may begin: near the least value, so that differences are seen.
FLOORS = (0.9, 0.8, 0.6, 0.4, 0.2, 0.0)


def retrieval(found: Sequence[Found]) -> Markup:
    """Modes side by side."""
    rows: list[list[Cell]] = [
        [f"{each.name}: {mode}", *(values[name] for name in MEASURES), values["p50_ms"], values["p99_ms"]]
        for each in found
        for mode, values in each.figures["modes"].items()
    ]
    estimates = [
        Estimate(f"{each.name}: {mode}", values["ndcg@10"], _around(values), style)
        for style, each in styled(found)
        for mode, values in each.figures["modes"].items()
    ]
    return join(
        [
            tag("p", "; ".join(map(_collection, found)), class_="soft"),
            _forest("nDCG@10 with its 95 % interval", estimates, found),
            table("Quality, and milliseconds of one client", ["", *MEASURES, "p50", "p99"], rows),
            _compared(found),
        ]
    )


def answers(found: Sequence[Found]) -> Markup:
    """Measures of answers and citations; abstention and consistency."""
    heads = ["", *(f"{each.name}" for each in found)]
    by_run = [dict(_answer_figures(each.figures)) for each in found]
    rows: list[list[Cell]] = [[name, *(_told(*figures[name]) for figures in by_run)] for name in by_run[0]]
    return join(
        [
            tag("p", "; ".join(f"{each.name}: {each.figures['n']:,} questions" for each in found), class_="soft"),
            _forest("Measures with their 95 % intervals", list(_answer_estimates(found)), found),
            table("Values and intervals", heads, rows),
            _compared(found),
        ]
    )


def gates(found: Sequence[Found]) -> Markup:
    """What each gate compared, and whether it let it pass."""
    return join(map(_gate, found))


def _gate(each: Found) -> Markup:
    figures = each.figures
    verdict = badge("passed" if figures["passed"] else "stopped", good=figures["passed"])
    caption = f"{figures['n']:,} questions; stops at {figures['alpha']:g}"
    return join([tag("h3", each.name, " ", verdict), _differences(caption, figures)])


def _answer_estimates(found: Sequence[Found]) -> Iterator[Estimate]:
    by_run = [(each.name, style, dict(_answer_figures(each.figures))) for style, each in styled(found)]
    for name in by_run[0][2]:
        shown = name
        for run, style, figures in by_run:
            value, ends = figures[name]
            if value is not None:
                yield Estimate(shown, value, ends, style, f"{name}, {run}")
                shown = ""


def _answer_figures(figures: Mapping[str, Any]) -> Iterator[tuple[str, tuple[float | None, list[float] | None]]]:
    for name in ANSWER_MEASURES:
        yield name.replace("_", " "), (figures[name], figures["ci95"][name])
    for name in ("precision", "recall"):
        abstention = figures["abstention"]
        yield f"abstention {name}", (abstention[name], abstention["ci95"][name])
    alike = figures["consistency"]["agreement"]
    yield "agreement of rephrasings", (alike["value"], alike["ci95"])


def _compared(found: Sequence[Found]) -> Markup | None:
    """Every further run against the first, by the gate's paired test."""
    first, *others = found
    return join(_pair(first, other) for other in others) if others else None


def _pair(baseline: Found, candidate: Found) -> Markup:
    caption = f"{candidate.name} against {baseline.name}, question by question"
    if baseline.folder is None or candidate.folder is None:
        return tag("p", f"{caption}: not compared, since one has no run folder.", class_="soft")
    try:
        return _differences(caption, compare(read_pair(baseline.folder, candidate.folder)))
    except CannotMeasure as error:
        return tag("p", f"{caption}: not compared. {error}", class_="soft")


def _differences(caption: str, compared: Mapping[str, Any]) -> Markup:
    rows: list[list[Cell]] = [
        [
            name.replace("_", " "),
            figures["baseline"],
            figures["candidate"],
            figures["difference"],
            interval(figures["ci95"]),
            f"{figures['p_adjusted']:.4f}",
            "worse" if figures["regressed"] else "",
        ]
        for name, figures in compared["measures"].items()
    ]
    return table(caption, ["", "before", "after", "difference", "95 %", "p, adjusted", ""], rows)


def _forest(title: str, estimates: Sequence[Estimate], found: Sequence[Found]) -> Markup:
    least = min((min(row.interval or (row.value,)) for row in estimates), default=0.0)
    low = next((floor for floor in FLOORS if floor <= least), 0.0)
    groups = [(each.name, style) for style, each in styled(found)]
    return Forest(title=title, x=Axis("", low, 1.0), rows=estimates, groups=groups).html()


def _around(values: Mapping[str, float]) -> list[float]:
    middle, half = values["ndcg@10"], values["ndcg@10_half_width95"]
    return [middle - half, min(1.0, middle + half)]


def _collection(each: Found) -> str:
    figures = each.figures
    return f"{each.name}: {figures['n_queries']:,} questions on {figures['n_docs']:,} documents of {figures['dataset']}"


def _told(value: float | None, ends: list[float] | None) -> str:
    return number(value) if ends is None else f"{number(value)} ({interval(ends)})"
