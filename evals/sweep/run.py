"""`steadyrag eval sweep`: one load run after another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evals.errors import CannotMeasure
from evals.load.plan import LatencyOptions
from evals.load.slo import Slo
from evals.runs import has_run, load_run
from evals.sweep.knee import Point, sustainable

#: Measures at given options, and stores the run in the folder if there is one: `evals.load.latency.run_latency`.
Measure = Callable[[LatencyOptions, Path | None], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """How to look for the rate at which the objective breaks.

    Attributes:
        rates_rps: rising.
        slo: as text, stored with the runs.
        target: share of the requests that must meet the objective.
        refine: rates tried between the last that kept the objective and the first that broke it.

    Raises:
        CannotMeasure: a rate or share that cannot be.
    """

    rates_rps: Sequence[float]
    slo: Slo
    target: float = 0.99
    refine: int = 2

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip(self.rates_rps, self.rates_rps[1:], strict=False))
        if not self.rates_rps or self.rates_rps[0] <= 0 or not rising:
            raise CannotMeasure("--rates wants rising rates above 0, as in 1,2,4,8")
        if self.slo == Slo():
            raise CannotMeasure("--slo is empty: without an objective nothing breaks; try --slo e2e=1")


def parse_rates(text: str) -> list[float]:
    """Read rates separated by commas; `..` at the end goes on as the last two do, up to 100 rates.

    Raises:
        CannotMeasure: a part is not a finite number.
    """
    open_ended = text.rstrip().endswith("..")
    try:
        rates = [float(part) for part in text.rstrip(". ").rstrip(",").split(",")]
    except ValueError:
        rates = []
    if not rates or not all(map(math.isfinite, rates)) or (open_ended and (len(rates) < 2 or rates[-2] <= 0)):
        raise CannotMeasure(f"--rates {text!r}: rates separated by commas, as in 1,2,4,8 or 1,2,4..")
    factor = rates[-1] / rates[-2] if open_ended else 1.0
    while open_ended and factor > 1 and len(rates) < 100:
        rates.append(rates[-1] * factor)
    return rates


def sweep(base: LatencyOptions, options: SweepOptions, measure: Measure, out: Path | None) -> Iterator[Point]:
    """The points in the order of their measurement; a rate whose run is in `out` already is not measured again.

    Args:
        base: everything but the rate; each rate has the next seed.
        options: rates and objective.
        measure: takes one run.
        out: gets a folder for each rate; None: nothing is stored.

    Raises:
        CannotMeasure: `out` holds a run that other options made, or that was stopped.
    """
    points: list[Point] = []
    for rate_rps in _rates(options, points):
        wanted = replace(base, rate_rps=rate_rps, seed=base.seed + len(points))
        folder = out and out / f"rate-{rate_rps:g}"
        summary = (_stored(folder, wanted, options) if folder else None) or measure(wanted, folder)
        points.append(Point.of(rate_rps, summary, options.target))
        yield points[-1]


def _rates(options: SweepOptions, points: Sequence[Point]) -> Iterator[float]:
    """The next rate, by what the points so far say."""
    for rate_rps in options.rates_rps:
        yield rate_rps
        if not points[-1].kept:
            break
    for _ in range(options.refine):
        most = sustainable(points)
        broken = [point.rate_rps for point in points if not point.kept]
        if most is None or not broken:
            return
        yield round(math.sqrt(most.rate_rps * min(broken)), 2)


def _stored(folder: Path, wanted: LatencyOptions, options: SweepOptions) -> Mapping[str, Any] | None:
    if not has_run(folder):
        return None
    run, _ = load_run(folder)
    if dict(run.config) != wanted.as_config() | {"slo": options.slo.told()}:
        raise CannotMeasure(f"{folder} holds a run with other options; name another --out")
    if run.summary["interrupted"]:
        raise CannotMeasure(f"{folder} holds a run that was stopped; delete it to measure that rate again")
    return run.summary
