"""The report: one page of one or several experiments, of one or several runs each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaos.analysis.runs import median
from chaos.errors import CannotRun
from chaos.report import sweep, tables
from chaos.report.result import Result, load
from chaos.report.timelines import timelines
from chaos.report.words import KEY_FIGURES, card, head, told
from evals.report.axes import number
from evals.report.markup import Markup, join, tag
from evals.report.page import badge, cards, page, section, table
from evals.report.page import tables as side_by_side

#: Columns of the overview: what `steadyrag chaos run --json` tells of each experiment.
OVERVIEW = (
    "availability",
    "p95_ratio",
    "p99_ratio",
    "unlabelled_degraded",
    "time_to_open_s",
    "recovery_s",
)

#: What of an experiment stands above its figures, and how.
HEADING = {"title": "claim", "description": None}


def write(folders: Sequence[Path], out: Path) -> None:
    """Write the page of these result folders.

    Raises:
        CannotRun: there is none, one of them holds no result, or the page cannot be written.
    """
    html = render([load(folder) for folder in folders])
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(html, encoding="utf-8")
    except OSError as error:
        raise CannotRun(f"cannot write {out}: {error}") from error


def render(results: Sequence[Result]) -> str:
    """The page of these results; runs of one experiment stand together.

    Raises:
        CannotRun: there are none.
    """
    if not results:
        raise CannotRun("there is no result to report")
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.name, []).append(result)
    names = list(groups)
    title = f"Chaos: {names[0]}" if len(names) == 1 else f"Chaos: {len(names)} experiments"
    body = [_experiment(name, runs) for name, runs in groups.items()]
    overview = _overview(groups) if len(names) > 1 else None
    return page(title, tag("h1", title), tag("p", _when(results), class_="soft"), overview, body)


def _overview(groups: dict[str, list[Result]]) -> Markup:
    rows = []
    for name, runs in groups.items():
        figures = _median(runs)
        rows.append(
            [
                tag("a", name, href=f"#{name}"),
                _verdict(figures),
                *(told(figure, figures[figure]) for figure in OVERVIEW),
            ]
        )
    return table(
        "All experiments, medians of their runs; ratios are of the fault over the baseline",
        ["", "verdict", *map(head, OVERVIEW)],
        rows,
    )


def _experiment(name: str, runs: Sequence[Result]) -> Markup:
    first, parameter = runs[0], sweep.varied(runs)
    heading = [tag("p", str(first.experiment.get(part, "")), class_=style) for part, style in HEADING.items()]
    if parameter is not None:
        return section(
            f"{name}: sweep of {parameter}",
            heading,
            sweep.section(runs, parameter),
            _details(runs, parameter),
            anchor=name,
        )
    figures, bounds = _median(runs), first.config["targets"]
    return section(
        name,
        heading,
        _reasons(figures),
        cards(card(figures, bounds, figure) for figure in KEY_FIGURES),
        tag("p", f"Medians of {len(runs)} runs; the timelines are those of the first.") if len(runs) > 1 else None,
        _run(first),
        _details(runs[1:]),
        anchor=name,
        badge=_verdict(figures),
    )


def _run(result: Result) -> Markup:
    figures = result.figures
    return join(
        [
            tag("h3", f"What happened, second by second (seed {figures['seed']})"),
            timelines(result),
            tag("h3", "What was measured"),
            tables.opening(figures),
            side_by_side(
                tables.targets(figures, result.config["targets"]),
                tables.phases(figures),
                tables.labels(figures),
                tables.errors(figures),
                tables.quality(figures),
            ),
            tag("h3", "Run it again"),
            tables.again(result),
        ]
    )


def _details(runs: Sequence[Result], parameter: str | None = None) -> Markup:
    """Further runs, folded up; those of a sweep by the strength of their fault."""
    return join(
        tag("details", tag("summary", _called(run, parameter), " ", _verdict(run.figures)), _run(run)) for run in runs
    )


def _called(run: Result, parameter: str | None) -> str:
    strength = f"{parameter} = {number(run.config['fault']['value'])}, " if parameter else ""
    return f"{strength}seed {run.figures['seed']}"


def _reasons(figures: dict[str, Any]) -> Markup | None:
    return tag("ul", (tag("li", reason) for reason in figures["reasons"]), class_="bad") if figures["reasons"] else None


def _verdict(figures: dict[str, Any]) -> Markup:
    return badge(figures["verdict"], good=figures["verdict"] == "pass")


def _median(runs: Sequence[Result]) -> dict[str, Any]:
    return median([run.figures for run in runs], runs[0].config["targets"])


def _when(results: Sequence[Result]) -> str:
    at = datetime.fromtimestamp(results[0].run.started_at, UTC)
    return f"{at:%Y-%m-%d %H:%M} UTC, {len(results)} run{'s' if len(results) > 1 else ''}"
