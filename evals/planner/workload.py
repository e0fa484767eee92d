"""What requests do, as a measured run saw them: which parts they visit, and for how long."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cache.types import Verdict
from evals.errors import CannotMeasure
from evals.load import arrivals
from evals.load.records import Record
from evals.planner.prices import MODELS, Part, Prices
from evals.planner.simulation import Job
from evals.profile.stages import own_s

#: Where time passes that no part works through.
ELSEWHERE = "elsewhere"
#: Kinds of requests besides those that a model answers, which are named for it.
_HITS = {Verdict.EXACT: "exact", Verdict.SEMANTIC: "semantic", Verdict.STALE: "semantic"}
HITS = ("exact", "semantic")


@dataclass(frozen=True, slots=True)
class Measured:
    """One request, undisturbed by others.

    Attributes:
        visits: parts and seconds, in turn.
        tail_s: from the first content to the end.
    """

    visits: tuple[tuple[str, float], ...]
    tail_s: float

    @property
    def e2e_s(self) -> float:
        """From the start to the end when nobody is in the way."""
        return sum(seconds for _, seconds in self.visits)

    def slowed(self, factors: Mapping[str, float]) -> Measured:
        """The same with each part so many times as slow; the models' factors hold for the rest of the answer, too."""
        visits = tuple((name, seconds * factors.get(name, 1.0)) for name, seconds in self.visits)
        answering = max((factors.get(name, 1.0) for name, _ in self.visits if name in MODELS), default=1.0)
        return Measured(visits, self.tail_s * answering)


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests to draw from.

    Attributes:
        requests: by kind: "exact" and "semantic" hits, and what the "small" and the "large" model answered.
        shares: of each kind among all requests.
    """

    requests: Mapping[str, Sequence[Measured]]
    shares: Mapping[str, float]

    @property
    def hits(self) -> float:
        """Share of the requests that the cache answers."""
        return sum(self.shares.get(kind, 0.0) for kind in HITS)

    def with_hits(self, share: float) -> Workload:
        """The same requests, but that the cache answers another share of them; one without hits stays without."""
        if not self.hits or self.hits == 1:
            return self
        factor = {kind: share / self.hits if kind in HITS else (1 - share) / (1 - self.hits) for kind in self.shares}
        return self._sharing({kind: part * factor[kind] for kind, part in self.shares.items()})

    def all_large(self) -> Workload:
        """The same with every answer by the large model."""
        large = self.shares["large"] + self.shares.get("small", 0.0)
        return self._sharing({**self.shares, "small": 0.0, "large": large})

    def slowed(self, factors: Mapping[str, float]) -> Workload:
        """The same with each part so many times as slow."""
        return replace(
            self, requests={kind: [each.slowed(factors) for each in made] for kind, made in self.requests.items()}
        )

    def load(self) -> dict[str, float]:
        """Seconds that the mean request spends at each part."""
        spent: dict[str, float] = defaultdict(float)
        for kind, share in self.shares.items():
            for each in self.requests[kind]:
                for name, seconds in each.visits:
                    spent[name] += share * seconds / len(self.requests[kind])
        return spent

    def draw(self, rate_rps: float, count: int, seed: int) -> tuple[list[Job], list[Measured]]:
        """About `count` Poisson arrivals: the jobs, and the request behind each; the same seed draws the same."""
        rng = random.Random(f"{seed}/workload")  # noqa: S311 - repeatable by design
        times_s = list(arrivals.poisson(rate_rps, count / rate_rps, seed))
        kinds = rng.choices(list(self.shares), list(self.shares.values()), k=len(times_s))
        drawn = [rng.choice(self.requests[kind]) for kind in kinds]
        return [Job(at_s, each.visits) for at_s, each in zip(times_s, drawn, strict=True)], drawn

    def _sharing(self, shares: Mapping[str, float]) -> Workload:
        return replace(self, shares={kind: share for kind, share in shares.items() if share})


def read_workload(records: Iterable[Record], prices: Prices) -> Workload:
    """The undegraded answers of a run with the stages' times.

    Args:
        records: of `eval latency`, at a load at which hardly anybody waits: what waited there counts as work.
        prices: say which model is which, and which times to take instead of the measured ones.

    Raises:
        CannotMeasure: nothing was measured, or by a model or part that the price list does not know.
    """
    by_kind: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.error is None and not record.degraded and record.timings_ms:
            by_kind[_kind(record, prices)].append(record)
    if not by_kind:
        raise CannotMeasure("the profile holds no undegraded answer with the times of its stages")
    requests = {kind: _requests(kind, found, prices) for kind, found in sorted(by_kind.items())}
    whole = sum(map(len, requests.values()))
    return Workload(requests, {kind: len(found) / whole for kind, found in requests.items()})


def _kind(record: Record, prices: Prices) -> str:
    if record.verdict in _HITS:
        return _HITS[Verdict(record.verdict)]
    for name in MODELS:
        if name in prices.parts and prices.parts[name].model == record.model:
            return name
    raise CannotMeasure(
        f"answers of the profile came from {record.model!r}: say model = {record.model!r} in the price list, "
        "under [parts.small] or [parts.large]"
    )


def _requests(kind: str, records: Sequence[Record], prices: Prices) -> list[Measured]:
    """Requests of one kind.

    What one spent in the service beside its stages is work of the API up to the median of its kind. The rest is
    waiting, as for the answer to the same question: it is kept as time and is nobody's load.
    """
    owns = [own_s(record) for record in records]
    beside_s = [own["outside"] + own["other"] + own["route"] for own in owns]
    usual_s = statistics.median(beside_s)
    made = []
    for record, own, beside in zip(records, owns, beside_s, strict=True):
        api_s = min(beside, usual_s)
        visits = [
            ("api", api_s / 2),
            ("redis", 0.0),
            ("small", own["contextualize"]),
            ("embedder", own["embed"]),
            ("index", own["retrieve"]),
            (kind, own["generate"]),
            (ELSEWHERE, beside - api_s),
            ("api", api_s / 2),
        ]
        tail_s = 0.0 if record.ttft_s is None else record.e2e_s - record.ttft_s
        made.append(Measured(tuple(_timed(visits, prices)), tail_s))
    return made


def _timed(visits: Sequence[tuple[str, float]], prices: Prices) -> Iterable[tuple[str, float]]:
    """The visits that take time, with the price list's times where it names one.

    Raises:
        CannotMeasure: it does not know a part that is visited.
    """
    for name, measured_s in visits:
        part = prices.parts.get(name)
        seconds = _seconds(name, part, measured_s)
        if not seconds:
            continue
        if part is None and name != ELSEWHERE:
            raise CannotMeasure(f"the profile's requests visit {name}: the price list wants [parts.{name}]")
        yield name, seconds


def _seconds(name: str, part: Part | None, measured_s: float) -> float:
    if part is None or not part.service_ms:
        return measured_s
    halves = 2 if name == "api" else 1
    visited = measured_s or name == "redis"
    return part.service_ms / 1e3 / halves if visited else 0.0
