"""Figures in words: what each is called, and how its value and its target are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from chaos.analysis.verdict import NO_BOUNDS, miss, value_of
from evals.report.axes import number
from evals.report.page import Card
from evals.report.words import seconds, share, times

Told = Callable[[float | None], str]


class Figure(NamedTuple):
    """How a figure is called, in full and at the head of a column, and how its value is told."""

    words: str
    head: str
    tell: Told


#: Others are told by name and number.
FIGURES: Mapping[str, Figure] = {
    "availability": Figure("Availability", "availability", share),
    "p95_ratio": Figure("p95 under the fault, over baseline", "p95 ratio", times),
    "p99_ratio": Figure("p99 under the fault, over baseline", "p99 ratio", times),
    "unlabelled_degraded": Figure("Degraded answers without label", "unlabelled", number),
    "over_deadline": Figure("Requests over the deadline", "late", number),
    "time_to_open_s": Figure("First breaker open after", "opens after", seconds),
    "recovery_s": Figure("Whole again after", "whole after", seconds),
    "last_degraded_s": Figure("Last degraded answer after", "degraded until", seconds),
    "goodput_ratio": Figure("Goodput under the fault, over baseline", "goodput ratio", times),
    "refused": Figure("Refused with Retry-After", "refused", number),
    "failed": Figure("Failed", "failed", number),
}
#: Those at the top of a report, in this order.
KEY_FIGURES = (
    "availability",
    "p95_ratio",
    "unlabelled_degraded",
    "over_deadline",
    "time_to_open_s",
    "recovery_s",
)


def named(name: str) -> str:
    """What the figure is called; one within others by the way to it, as "fault: p95 ms"."""
    if name in FIGURES:
        return FIGURES[name].words
    return name.removeprefix("phases.").replace(".", ": ").replace("_", " ")


def head(name: str) -> str:
    """What a column of the figure is called."""
    return FIGURES[name].head if name in FIGURES else named(name)


def told(name: str, value: float | None) -> str:
    """The value as it is read."""
    return FIGURES[name].tell(value) if name in FIGURES else number(value)


def target(name: str, bound: Sequence[float | None]) -> str:
    """The bounds in words. No figure is below 0 and no share above 1, so a bound there says nothing."""
    top = 1.0 if name in FIGURES and FIGURES[name].tell is share else math.inf
    least, most = bound[0] or 0.0, top if bound[1] is None else bound[1]
    if least == most:
        return told(name, least)
    lower, upper = f"at least {told(name, least)}" if least > 0 else "", f"at most {told(name, most)}"
    return ", ".join(part for part in (lower, upper if most < top else "") if part)


def card(figures: Mapping[str, Any], targets: Mapping[str, Any], name: str) -> Card:
    """The figure with its target beside it."""
    value, bound = value_of(figures, name), targets.get(name)
    if bound is None:
        return Card(named(name), told(name, value))
    return Card(named(name), told(name, value), f"target: {target(name, bound)}", miss(figures, name, bound) is None)


def judged(figures: Mapping[str, Any], targets: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Rows of every target: the figure, the target, the value, whether it is met."""
    bounds = {name: bound for name, bound in targets.items() if name not in NO_BOUNDS}
    return [
        (
            named(name),
            target(name, bound),
            told(name, value_of(figures, name)),
            "missed" if miss(figures, name, bound) else "met",
        )
        for name, bound in bounds.items()
    ]
