"""The stages of the typical request and of the slowest ones, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from evals.errors import CannotMeasure
from evals.load.records import Record
from evals.profile.stages import STAGES, own_s
from evals.report.axes import Axis
from evals.report.markup import Markup, join, tag
from evals.report.page import Cell, page, table, tables
from evals.report.plot import States, Stretch
from evals.report.words import milliseconds, share

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
    """A page of the runs, by name."""
    return page(TITLE, tag("h1", TITLE), shown(list(runs.items())))


def shown(runs: Sequence[tuple[str, Waterfall]]) -> Markup:
    """A table of all runs, with their names, and pictures of each."""
    pictures = ([tag("h3", name), tables(*map(_picture, found, found.values()))] for name, found in runs)
    return join([_table(runs), pictures])


def _around(answers: Sequence[Record], percentile: int) -> Sequence[Record]:
    middle, side = (len(answers) - 1) * percentile / 100, len(answers) * AROUND
    return answers[max(0, round(middle - side)) : round(middle + side) + 1]


def _mean_ms(records: Sequence[Record]) -> dict[str, float]:
    owns = [own_s(record) for record in records]
    means = {stage: float(np.mean([own[stage] for own in owns])) * 1e3 for stage in STAGES}
    return means | {"e2e": float(np.mean([record.e2e_s for record in records])) * 1e3}


def _table(runs: Sequence[tuple[str, Waterfall]]) -> Markup:
    requests = [(f"{name}, {at}", ms) for name, found in runs for at, ms in found.items()]
    stages = [stage for stage in STAGES if any(ms[stage] for _, ms in requests)]
    rows: list[list[Cell]] = [[name, ms["e2e"], *(ms[stage] for stage in stages)] for name, ms in requests]
    caption = (
        "Milliseconds of each stage for itself. Outside is what the service does not see: its door, the wire, "
        "the client; other is what it spends between the stages"
    )
    return table(caption, ["", "end to end", *stages], rows)


def _picture(at: str, ms: Mapping[str, float]) -> Markup:
    """Stages in the order of a request; where one begins is the sum of those before it, not a measurement."""
    rows, start = {}, 0.0
    for stage in STAGES:
        if ms[stage]:
            told = f"{stage} {milliseconds(ms[stage])}, {share(ms[stage] / ms['e2e'])}"
            rows[told] = [Stretch(start, start + ms[stage], "spent", told)]
            start += ms[stage]
    return States(
        title=f"{at}: {milliseconds(ms['e2e'])}",
        description=f"Stages of the requests around {at}, one after another: {'; '.join(rows)}",
        x=Axis("from the start", 0.0, start, "ms"),
        rows=rows,
        styles={"spent": "plain"},
        bare=True,
    ).html()
