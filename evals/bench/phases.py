"""Open-loop load in phases: what the degradation and overload benches send, and what they read from the records."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evals.load import arrivals
from evals.load.client import ChatClient
from evals.load.generator import Generator
from evals.load.questions import zipf
from evals.load.records import Record, Shot
from evals.load.reply import Reply
from evals.load.report import invalidity
from rag.types import Priority

#: Least and greatest value of a figure that meets its target.
Targets = Mapping[str, tuple[float, float]]
#: Settings of a service under load: the questions repeat, and each is to be searched for.
UNCACHED = {"STEADYRAG_RETRIEVAL__HOT_ENTRIES": "0"}


@dataclass(frozen=True, slots=True)
class Phase:
    """Poisson arrivals for a while; `interactive` is the share of them that is not batch."""

    rate_rps: float
    seconds: float
    interactive: float = 1.0

    @classmethod
    def of(cls, requests: int, rate_rps: float, *, least_s: float = 0.0, interactive: float = 1.0) -> Phase:
        """Long enough for so many requests, unless chance is against it by three standard deviations."""
        seconds = (requests + 3 * math.sqrt(requests)) / rate_rps
        return cls(rate_rps, max(least_s, seconds), interactive)


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a phase.

    Attributes:
        records: one a request, in the order of their ends.
        seconds: for how long requests were sent.
        valid: whether the figures are the server's and not the generator's own.
    """

    records: list[Record]
    seconds: float
    valid: bool

    @property
    def answers(self) -> list[Record]:
        """The requests that were answered."""
        return [record for record in self.records if record.error is None]

    @property
    def availability(self) -> float:
        """Share of the requests that were answered."""
        return len(self.answers) / len(self.records)

    def of(self, priority: Priority) -> Sent:
        """The requests of one priority."""
        return Sent([r for r in self.records if r.request_id.startswith(priority)], self.seconds, self.valid)


async def send(url: str, questions: Sequence[str], phase: Phase, seed: int) -> Sent:
    """Ask questions that no cache answers, by the clock; the same seed asks the same ones at the same times."""
    rng = random.Random(f"{seed}/priorities")
    drawn = zipf(questions, 0.0, seed)
    times_s = arrivals.poisson(phase.rate_rps, phase.seconds, seed)
    shots = [
        Shot(at_s, next(drawn), f"{'interactive' if rng.random() < phase.interactive else 'batch'}-{number}")
        for number, at_s in enumerate(times_s)
    ]
    async with _client(url, "interactive") as interactive, _client(url, "batch") as batch:

        async def ask(shot: Shot, reply: Reply) -> None:
            await (batch if shot.request_id.startswith("batch") else interactive).ask(shot, reply)

        run = await Generator(ask).run(shots, phase.seconds)
    return Sent(run.records, run.window_s, not invalidity(run))


def _client(url: str, priority: Priority) -> ChatClient:
    return ChatClient(url, extra={"steadyrag": {"cache": "no-store", "priority": priority}})


def p95_ms(records: Iterable[Record]) -> float:
    """95th percentile of the time to the last byte, from the intended sending on; NaN of nothing."""
    e2e_s = [record.e2e_s for record in records]
    return float(np.percentile(e2e_s, 95)) * 1e3 if e2e_s else float("nan")


def missed(figures: Mapping[str, float], targets: Targets) -> list[str]:
    """The figures outside their bounds; a figure that was not measured is none of them."""
    return [name for name, (least, most) in targets.items() if name in figures and not least <= figures[name] <= most]
