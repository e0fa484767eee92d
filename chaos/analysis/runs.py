"""Several runs of one experiment: medians, and the strength of a fault at which the service breaks."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.analysis.verdict import Verdict, judge


@dataclass(frozen=True, slots=True)
class Strength:
    """The medians of the runs under one strength of the fault."""

    value: float
    figures: Mapping[str, Any]


def median(runs: Sequence[Mapping[str, Any]], targets: Mapping[str, Any]) -> dict[str, Any]:
    """The runs as one: the median of each figure, judged anew; one run is itself.

    A time that never came counts as infinite. A figure that half of the runs lack is None. A deviation or an invalid
    run is one of the whole, for medians hide both.
    """
    first = runs[0]
    if len(runs) == 1:
        return dict(first)
    merged = {**_merged(runs), "deviated": any(run["deviated"] for run in runs), "seed": [run["seed"] for run in runs]}
    invalid = [reason for run in runs if run["verdict"] == "invalid" for reason in run["reasons"]]
    verdict, reasons = judge(merged, targets, invalid=invalid)
    return {**merged, "verdict": verdict, "reasons": reasons, "runs": len(runs)}


def sweep(runs: Iterable[tuple[float, Mapping[str, Any]]], targets: Mapping[str, Any]) -> list[Strength]:
    """The runs by the strength of their fault, ascending, medians of those that share one."""
    groups: dict[float, list[Mapping[str, Any]]] = {}
    for value, figures in runs:
        groups.setdefault(value, []).append(figures)
    return [Strength(value, median(groups[value], targets)) for value in sorted(groups)]


def breaking_point(swept: Sequence[Strength]) -> tuple[float | None, float | None]:
    """The greatest strength up to which the targets hold throughout, and the next one; None where there is none."""
    verdicts: list[Verdict] = [strength.figures["verdict"] for strength in swept]
    broken = next((place for place, verdict in enumerate(verdicts) if verdict != "pass"), len(swept))
    holds = swept[broken - 1].value if broken else None
    return holds, swept[broken].value if broken < len(swept) else None


def _merged(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Figure by figure, whatever their nesting; what is no number is the first run's."""
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: _middle([run.get(name) for run in runs], never=name == "recovery_s") for name in names}


def _middle(values: Sequence[Any], *, never: bool) -> Any:
    told = [value for value in values if value is not None]
    if told and all(isinstance(value, Mapping) for value in told):
        return _merged(told)
    if any(isinstance(value, str | list | bool) for value in told):
        return told[0]
    if never:
        return statistics.median(math.inf if value is None else value for value in values)
    return statistics.median(told) if 2 * len(told) > len(values) else None
