"""Figures against their targets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

Verdict = Literal["pass", "fail", "invalid"]
#: Entries of the targets that are no bounds of a figure.
NO_BOUNDS = frozenset({"shedding"})
#: Figures whose None means that it never came.
NEVER = frozenset({"recovery_s"})


def judge(
    figures: Mapping[str, Any], targets: Mapping[str, Any], *, invalid: Sequence[str] = ()
) -> tuple[Verdict, list[str]]:
    """The verdict and why it is not "pass".

    Args:
        figures: of `analyse`; `deviated` of them counts by itself.
        targets: of each figure its least and greatest value, either None for no bound; `quality.fault.ndcg@10` names a
            figure within another.
        invalid: why the run says nothing of the service. A run that was broken off for a deviation says enough.
    """
    deviated = ["the steady state was left during the run"] if figures.get("deviated") else []
    if invalid and not deviated:
        return "invalid", list(invalid)
    reasons = [*deviated, *invalid]
    bounds = {name: bound for name, bound in targets.items() if name not in NO_BOUNDS}
    reasons += [reason for name, bound in bounds.items() if (reason := miss(figures, name, bound))]
    return ("fail" if reasons else "pass"), reasons


def value_of(figures: Mapping[str, Any], name: str) -> float | None:
    """The figure of that name; infinite where it never came, None where it was not measured."""
    found: Any = figures
    for part in [name] if name in figures else name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if found is None:
        return math.inf if name in NEVER else None
    return float(found)


def miss(figures: Mapping[str, Any], name: str, bound: Sequence[float | None]) -> str | None:
    """In which way the figure misses its bounds; None when it does not. A figure without a value misses them."""
    least, most = bound
    value = value_of(figures, name)
    if value is None or math.isnan(value):
        return f"{name} was not measured"
    if least is not None and value < least:
        return f"{name} is {value:.4g}, below {least:g}"
    if most is not None and value > most:
        return f"{name} is {value:.4g}, above {most:g}"
    return None
