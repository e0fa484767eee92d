"""`steadyrag eval plan`: replicas and cost for a load, what each lever saves, and the way to ten times the load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from evals.errors import CannotMeasure
from evals.planner.assumptions import assumptions
from evals.planner.growth import grown_hits
from evals.planner.prediction import Draws, Objective
from evals.planner.prices import PARTS, Prices
from evals.planner.sizing import Sized, size
from evals.planner.workload import Workload

#: Multiples of the load on the way.
FACTORS = (1, 2, 5, 10)
#: Told what is worked out: its name.
Watch = Callable[[str], None]


def plan(
    workload: Workload, prices: Prices, objective: Objective, *, rate_rps: float, draws: Draws, watch: Watch
) -> dict[str, Any]:
    """The figures of `steadyrag eval plan`; what cannot be told is None.

    Args:
        workload: what is asked today, with every lever in use.
        prices: of the parts.
        objective: to be kept at every load.
        rate_rps: today's load.
        draws: of each simulation.
        watch: told of each step.
    """

    def sized(name: str, work: Workload, factor: float = 1.0) -> Sized:
        watch(name)
        return size(work, prices, objective, rate_rps=rate_rps * factor, draws=draws)

    def grown(factor: float) -> tuple[Workload, Sized]:
        work = workload
        if prices.questions is not None and factor > 1:
            work = workload.with_hits(grown_hits(workload.hits, rate_rps, factor, prices.questions))
        return work, sized(f"{factor:g} times the load", work, factor)

    def attempted(name: str, work: Workload) -> Sized | str:
        try:
            return sized(f"without {name}", work)
        except CannotMeasure as error:
            return str(error)

    path = {factor: grown(factor) for factor in FACTORS}
    today, last = path[1][1], path[FACTORS[-1]][1]
    without = {name: attempted(name, work) for name, work in _without(workload, prices).items()}
    plain = without.get("any of them")
    return {
        "rate_rps": rate_rps,
        "slo": objective.slo.told(),
        "attain": objective.attain,
        "currency": prices.currency,
        "shares": dict(workload.shares),
        **_told(today),
        "expected": today.expected.told(),
        "saves": {name: _saved(today, other) for name, other in without.items()},
        "path": [
            {"factor": factor, "hits": work.hits, **_told(found), "cost_ratio": _ratio(found, today)}
            for factor, (work, found) in path.items()
        ],
        "cost_ratio_10x": _ratio(last, today),
        "cost_ratio_10x_from_plain": _ratio(last, plain) if isinstance(plain, Sized) else None,
        "assumptions": assumptions(workload, prices),
    }


def _without(workload: Workload, prices: Prices) -> dict[str, Workload]:
    """The workload without each lever that is in use, and without all of these."""
    factors = {name: part.unquantised for name, part in prices.parts.items() if part.unquantised > 1}
    levers: dict[str, tuple[bool, Callable[[Workload], Workload]]] = {
        "caching": (0 < workload.hits < 1, lambda work: work.with_hits(0.0)),
        "routing": (workload.shares.keys() >= {"small", "large"}, Workload.all_large),
        "quantisation": (bool(factors), lambda work: work.slowed(factors)),
    }
    used = {name: take for name, (in_use, take) in levers.items() if in_use}
    made = {name: take(workload) for name, take in used.items()}
    plain = workload
    for take in used.values():
        plain = take(plain)
    return made | ({"any of them": plain} if used else {})


def _told(sized: Sized) -> dict[str, Any]:
    return {
        "rate_rps": sized.rate_rps,
        "replicas": {name: sized.replicas[name] for name in PARTS if name in sized.replicas},
        "cost_per_hour": sized.cost_per_hour,
        "cost_per_1000": sized.cost_per_1000,
    }


def _saved(today: Sized, without: Sized | str) -> Mapping[str, Any]:
    """What the load costs without a lever, or why it cannot be borne at all."""
    if isinstance(without, str):
        return {"impossible": without, "saved": None}
    share = 1 - today.cost_per_hour / without.cost_per_hour if without.cost_per_hour else None
    return {**_told(without), "saved": share}


def _ratio(sized: Sized, to: Sized) -> float | None:
    return sized.cost_per_hour / to.cost_per_hour if to.cost_per_hour else None
