"""Where the time goes: the stages of the p50 and the p99 request of each load run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evals.errors import CannotMeasure
from evals.load.records import Record
from evals.pages.found import Found
from evals.profile.waterfall import Waterfall, shown, waterfall
from evals.report.markup import Markup


def section(found: Sequence[Found]) -> Markup:
    """All runs beside each other, then each by itself."""
    return shown([run for each in found for run in each.figures["runs"].items()])


def of_runs(found: Sequence[Found]) -> Iterator[Found]:
    """The waterfalls of the load runs, but for those that `eval waterfall` printed."""
    printed = [stages for each in found if each.kind == "waterfall" for stages in each.figures["runs"].values()]
    for each in found:
        stages = _stages(each) if each.kind == "latency" else None
        if stages is not None and stages not in printed:
            yield Found(each.name, "waterfall", {"runs": {each.name: stages}})


def _stages(run: Found) -> Waterfall | None:
    try:
        return waterfall(Record.from_row(dict(row)) for row in run.rows)
    except CannotMeasure:  # answers of a model server tell no stages, printed figures hold no answers
        return None
