"""Suites as tables, and runs that have no page of their own as plain figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evals.pages.found import Found
from evals.report.markup import Markup, join, tag
from evals.report.page import Cell, badge, table
from evals.report.words import seconds

#: Deeper figures stand in the run folder.
DEPTH = 3


def suites(found: Sequence[Found]) -> Markup:
    """The steps of each suite and what came of them."""
    return join(
        table(f"Steps of {each.name}", ["", "outcome", "took", "command"], map(_step, each.figures["steps"]))
        for each in found
    )


def figures(found: Sequence[Found]) -> Markup:
    """Every number of each run, by the way to it; runs side by side."""
    columns = [dict(_numbers(each.figures)) for each in found]
    names = dict.fromkeys(name for column in columns for name in column)
    rows: list[list[Cell]] = [[name, *(column.get(name) for column in columns)] for name in names]
    return join([table("Figures", ["", *(each.name for each in found)], rows)])


def _step(step: Mapping[str, Any]) -> tuple[Cell, ...]:
    outcome = badge(str(step["outcome"]), good=step["outcome"] == "passed")
    return str(step["name"]), outcome, seconds(step["took_s"]), tag("code", " ".join(map(str, step["run"])))


def _numbers(values: Mapping[str, Any], way: tuple[str, ...] = ()) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and len(way) < DEPTH:
            yield from _numbers(value, (*way, name))
        elif isinstance(value, int | float):
            yield ": ".join((*way, name)).replace("_", " "), float(value)
