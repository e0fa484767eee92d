"""The stages of the typical request and of the slowest ones, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from evals.errors import CannotMeasure
from evals.load.records import Record
from evals.profile.stages import STAGES, own_s
from evals.report.axes import Axis
from evals.report.markup import Markup, tag
from evals.report.page import page, section, table
from evals.report.plot import States, Stretch

TITLE = "Where the time goes"
PERCENTILES = (50, 99)
#: Share of the requests on each side of a percentile that are averaged: a single one shows its own luck.
AROUND = 0.005

#: By percentile, as "p50", the milliseconds of each stage for itself, in order, and of the whole as "e2e".
Waterfall = Mapping[str, Mapping[str, float]]


def waterfall(records: Iterable[Record]) -> Waterfall:
    """Mean stages of the requests around each percentile of the time end to end.

    Raises:
        CannotMeasure: no answer tells the times of its stages.
    """
    answers = [record for record in records if record.error is None and record.timings_ms]
    if not answers:
        raise CannotMeasure("no answer of the run tells the times of its stages: was it a model server?")
    answers.sort(key=lambda record: record.e2e_s)
    return {f"p{percentile}": _mean_ms(_around(answers, percentile)) for percentile in PERCENTILES}


def document(runs: Mapping[str, Waterfall]) -> str:
    """A page with table and pictures of each run, by name."""
    return page(TITLE, tag("h1", TITLE), [_section(name, found) for name, found in runs.items()])


def _around(answers: Sequence[Record], percentile: int) -> Sequence[Record]:
    middle, side = (len(answers) - 1) * percentile / 100, len(answers) * AROUND
    return answers[max(0, round(middle - side)) : round(middle + side) + 1]


def _mean_ms(records: Sequence[Record]) -> dict[str, float]:
    owns = [own_s(record) for record in records]
    means = {stage: float(np.mean([own[stage] for own in owns])) * 1e3 for stage in STAGES}
    return means | {"e2e": float(np.mean([record.e2e_s for record in records])) * 1e3}


def _section(name: str, found: Waterfall) -> Markup:
    return section(name, _table(found), [_picture(at, stages) for at, stages in found.items()])


def _table(found: Waterfall) -> Markup:
    head = ["stage", *(f"{at}, {unit}" for at in found for unit in ("ms", "%"))]
    rows = [
        [stage, *(cell for ms in found.values() for cell in (ms[stage], f"{ms[stage] / ms['e2e']:.1%}"))]
        for stage in (*STAGES, "e2e")
    ]
    return table("Each stage for itself; together they are the time end to end", head, rows)


def _picture(at: str, stages: Mapping[str, float]) -> Markup:
    """Stages in the order of a request; where one begins is the sum of those before it, not a measurement."""
    rows, start = {}, 0.0
    for stage in STAGES:
        end = start + stages[stage]
        rows[stage] = [Stretch(start, end, "spent", f"{stage}: {stages[stage]:.2f} ms")] if end > start else []
        start = end
    return States(
        title=f"{at}: {stages['e2e']:.1f} ms",
        description=f"Stages of the requests around {at}, one after another",
        x=Axis.over("from the start", [start], "ms"),
        rows=rows,
        styles={"spent": "fair"},
    ).html()
