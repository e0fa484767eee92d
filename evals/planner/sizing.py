"""The replicas of each part that keep an objective, few and cheap."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from evals.errors import CannotMeasure
from evals.planner.prediction import Draws, Objective, Prediction, predict
from evals.planner.prices import MODELS, Prices
from evals.planner.workload import ELSEWHERE, Workload

#: Replicas of which there is always an idle one.
PLENTY = 10**6


@dataclass(frozen=True, slots=True)
class Sized:
    """A deployment for a load: its replicas, what is expected of them, and what it costs."""

    rate_rps: float
    replicas: Mapping[str, int]
    expected: Prediction
    cost_per_hour: float

    @property
    def cost_per_1000(self) -> float:
        """Of 1,000 answers at this rate."""
        return self.cost_per_hour / (self.rate_rps * 3.6)


def size(workload: Workload, prices: Prices, objective: Objective, *, rate_rps: float, draws: Draws) -> Sized:
    """The least replicas, part by part from the dearest on, at which the simulated load keeps the objective.

    Each part is cut down to where one replica less breaks it, while those not yet looked at have room to spare. That
    is a good deployment, though not certainly the cheapest of all.

    Raises:
        CannotMeasure: an answer takes too long even when nobody waits.
    """

    def expected(replicas: Mapping[str, int]) -> Prediction:
        return predict(workload, prices, replicas, rate_rps=rate_rps, slo=objective.slo, draws=draws)

    def keeps(replicas: Mapping[str, int]) -> bool:
        return expected(replicas).attained >= objective.attain

    least = _least(workload, prices, rate_rps)
    alone = expected(dict.fromkeys(least, PLENTY)).attained
    if alone < objective.attain:
        told = f"{objective.slo.told()} for {objective.attain:.1%} of the requests"
        raise CannotMeasure(f"no number of replicas keeps {told}: {alone:.1%} do when nobody waits")
    chosen = {name: 2 * count for name, count in least.items()}
    while not keeps(chosen):
        chosen = {name: 2 * count for name, count in chosen.items()}
    for name in sorted(chosen, key=lambda name: -prices.parts[name].price_per_hour):
        low, high = least[name], chosen[name]
        while low < high:
            middle = (low + high) // 2
            if keeps({**chosen, name: middle}):
                high = middle
            else:
                low = middle + 1
        chosen[name] = high
    return Sized(rate_rps, chosen, expected(chosen), prices.per_hour(chosen))


def _least(workload: Workload, prices: Prices, rate_rps: float) -> dict[str, int]:
    """Replicas below which a line grows without end, or fewer than are to be there.

    A model that nobody asks is not there; whatever else the list names is, visited or not.
    """
    visited = dict.fromkeys(prices.parts.keys() - set(MODELS), 0.0) | workload.load()
    least = {}
    for name in sorted(visited.keys() - {ELSEWHERE}):
        part, seconds = prices.parts[name], visited[name]
        together = part.station(1).run_s([seconds] * part.batch) / part.batch
        least[name] = max(part.least, math.floor(rate_rps * together / part.at_once) + 1)
    return least
