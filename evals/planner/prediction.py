"""What a load meets at so many replicas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.load.slo import Slo
from evals.planner.prices import Prices
from evals.planner.simulation import Station, simulate
from evals.planner.workload import ELSEWHERE, Workload

#: Requests simulated as a multiple of those under way at once, if these are more than were asked for.
TURNOVERS = 20
#: Part of a simulation in which the lines fill; it does not count.
WARM_UP = 0.1
_NOBODY_WAITS = Station(10**9)


@dataclass(frozen=True, slots=True)
class Objective:
    """What most requests are to keep.

    Attributes:
        slo: bounds of a request; that of the inter-token latency is a model's affair and is not simulated.
        attain: share of the requests that keep them.
    """

    slo: Slo
    attain: float = 0.99


@dataclass(frozen=True, slots=True)
class Draws:
    """What a simulation is drawn by: the same seed gives the same arrivals and requests, of these at least so many."""

    seed: int = 0
    requests: int = 8_000


@dataclass(frozen=True, slots=True)
class Prediction:
    """Figures of one simulation; latencies of requests in milliseconds, by "p50", "p95" and "p99"."""

    throughput_rps: float
    ttft_ms: Mapping[str, float]
    e2e_ms: Mapping[str, float]
    attained: float
    utilisation: Mapping[str, float]
    waited_ms: Mapping[str, float]

    def told(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def predict(
    workload: Workload, prices: Prices, replicas: Mapping[str, int], *, rate_rps: float, slo: Slo, draws: Draws
) -> Prediction:
    """Simulate Poisson arrivals at the rate.

    Args:
        workload: what is asked.
        prices: what a replica of each part does.
        replicas: of each part that is visited.
        rate_rps: of the arrivals.
        slo: bounds in seconds.
        draws: of the arrivals and the requests behind them.
    """
    under_way = rate_rps * sum(workload.load().values())
    count = int(max(draws.requests, TURNOVERS * under_way))
    jobs, drawn = workload.draw(rate_rps, count, draws.seed)
    stations = {name: prices.parts[name].station(number) for name, number in replicas.items()}
    found = simulate(jobs, {**stations, ELSEWHERE: _NOBODY_WAITS})

    settled = int(len(jobs) * WARM_UP)
    at_s = np.array([job.at_s for job in jobs])
    e2e_s = found.sojourn_s[settled:]
    ttft_s = e2e_s - np.array([each.tail_s for each in drawn[settled:]])
    ends_s = at_s + found.sojourn_s
    window_s = at_s[-1] - at_s[settled]
    return Prediction(
        throughput_rps=float(((ends_s > at_s[settled]) & (ends_s <= at_s[-1])).sum() / window_s),
        ttft_ms=_percentiles_ms(ttft_s),
        e2e_ms=_percentiles_ms(e2e_s),
        attained=float(((ttft_s <= slo.ttft) & (e2e_s <= slo.e2e)).mean()),
        utilisation={name: found.utilisation[name] for name in stations},
        waited_ms={name: found.waited_s[name] / len(jobs) * 1e3 for name in stations},
    )


def _percentiles_ms(seconds: np.ndarray) -> dict[str, float]:
    return {f"p{q}": float(np.percentile(seconds, q)) * 1e3 for q in (50, 95, 99)}
