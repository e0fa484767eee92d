"""Questions by the clock until they are stopped, at a rate that may change meanwhile, and a diary of what happened.

The load runs through baseline, fault and recovery without a gap: phases are cut from its clock afterwards. That clock
starts with the first phase; what was sent before is warm-up and counts nowhere.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chaos.load.rolling import rolling, unlabelled
from evals.load.client import ChatClient
from evals.load.generator import Generator, LoadRun
from evals.load.questions import zipf
from evals.load.records import Shot
from evals.load.reply import Reply

#: Kinds of notes.
FAULT_ON, FAULT_OFF, PHASE, ACTIVITY, ABORT = "fault-on", "fault-off", "phase", "activity", "abort"
WARM_UP, BASELINE, FAULT, RECOVERY = "warm-up", "baseline", "fault", "recovery"
#: The server is told this much less than the deadline, as the way back takes its time, and the client waits this much
#: longer than it, to see by how much it was missed.
MARGIN_S, PATIENCE_S = 0.25, 2.0


@dataclass(frozen=True, slots=True)
class TrafficOptions:
    """What is asked, and of whom.

    Attributes:
        url: the service.
        rate_rps: Poisson arrivals a second, before any spike.
        deadline_s: when each answer must have come.
        fields: of each request's `steadyrag` object, beside the deadline.
        expected_labels: of which every answer under the fault carries one; none where not every answer is affected.
        model: the model to ask for.
        api_key: sent as a bearer token.
    """

    url: str
    rate_rps: float
    seed: int
    deadline_s: float
    fields: Mapping[str, Any] = field(default_factory=dict)
    expected_labels: Sequence[str] = ()
    model: str = "steadyrag"
    api_key: str | None = field(default=None, repr=False)

    def client(self) -> ChatClient:
        """Who asks."""
        extra = {"steadyrag": {**self.fields, "timeout_s": max(self.deadline_s - MARGIN_S, self.deadline_s / 2)}}
        patience_s = self.deadline_s + PATIENCE_S
        return ChatClient(self.url, model=self.model, timeout_s=patience_s, api_key=self.api_key, extra=extra)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a time of the load's clock, in seconds."""

    at_s: float
    kind: str
    name: str
    detail: str = ""


class Traffic:
    """The load of one experiment.

    Args:
        options: what to send.
        questions: drawn from at random.
        clock: seconds; the one that the running loop sleeps by.
        wall: seconds since the Unix epoch, of the same moment.

    Raises:
        CannotMeasure: the URL is none.
    """

    def __init__(
        self,
        options: TrafficOptions,
        questions: Sequence[str],
        *,
        clock: Callable[[], float] = time.perf_counter,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.options = options
        self.factor = 1.0
        self.events: list[Event] = []
        self._client = options.client()
        self._clock = clock
        self._wall = wall
        self._began_s, self._began_at = clock(), wall()
        self._zero_s = math.inf
        self._drawn = zipf(questions, 0.0, options.seed)
        self._under_way: dict[str, float] = {}
        self._standing: set[str] = set()
        self._generator: Generator | None = None

    async def run(self) -> LoadRun:
        """Send until `stop`, then wait for the last reply."""
        async with self._client as client:

            async def ask(shot: Shot, reply: Reply) -> None:
                self._under_way[shot.request_id] = shot.at_s
                try:
                    await client.ask(shot, reply)
                finally:
                    del self._under_way[shot.request_id]

            self._generator = Generator(ask, clock=self._clock)
            return await self._generator.run(self._shots(), math.inf)

    def stop(self) -> None:
        """Send nothing more."""
        if self._generator is not None:
            self._generator.stop()

    @property
    def started_at(self) -> float:
        """Seconds since the Unix epoch at the zero of the load's clock; of the first sending before there is one."""
        return self._began_at + (self._zero_s if math.isfinite(self._zero_s) else 0.0)

    @property
    def phase(self) -> str:
        """The phase at the moment."""
        return next((event.name for event in reversed(self.events) if event.kind == PHASE), WARM_UP)

    def now_s(self) -> float:
        """The load's clock."""
        return self._since_s() - (self._zero_s if math.isfinite(self._zero_s) else 0.0)

    def note(self, kind: str, name: str, detail: str = "") -> Event:
        """Write it into the diary; the first phase starts the clock, and a fault that has ended ends no second time."""
        if kind == PHASE and not math.isfinite(self._zero_s):
            self._zero_s = self._since_s()
        event = Event(self.now_s(), kind, name, detail)
        if kind == FAULT_ON:
            self._standing.add(name)
        elif kind == FAULT_OFF:
            if name not in self._standing:
                return event
            self._standing.remove(name)
        self.events.append(event)
        return event

    def figures(self, window_s: float) -> dict[str, Any]:
        """The last seconds; see `rolling`."""
        records = self._generator.records if self._generator else []
        now_s = self._since_s()
        ages_s = [now_s - at_s for at_s in self._under_way.values()]
        zero_s = now_s - self.now_s()
        on_s = max((zero_s + event.at_s for event in self.events if event.kind == FAULT_ON), default=math.inf)
        off_s = min((zero_s + event.at_s for event in self.events if event.kind == FAULT_OFF), default=math.inf)
        return {
            "at_s": self.now_s(),
            "phase": self.phase,
            "rate_rps": self.options.rate_rps * self.factor,
            "in_flight": len(self._under_way),
            "unlabelled_degraded": unlabelled(records, self.options.expected_labels, on_s=on_s, off_s=off_s),
            "doing": next((event.name for event in reversed(self.events) if event.kind == ACTIVITY), ""),
            **rolling(records, ages_s, now_s=now_s, window_s=window_s),
        }

    def phases(self) -> list[dict[str, Any]]:
        """Name, begin and end in seconds of each phase; the fault's begins to end with its removal."""
        off_s = max((event.at_s for event in self.events if event.kind == FAULT_OFF), default=math.inf)
        marks = [event for event in self.events if event.kind == PHASE]
        starts_s = [min(each.at_s, off_s) if each.name == RECOVERY else each.at_s for each in marks]
        ends_s = [*starts_s[1:], self.now_s()]
        return [
            {"name": each.name, "start_s": start_s, "end_s": end_s}
            for each, start_s, end_s in zip(marks, starts_s, ends_s, strict=False)
        ]

    def rows(self, phases: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Every request since the clock's zero that was sent in one of the phases, as rows of a run folder."""
        rows = []
        for record in self._generator.records if self._generator else []:
            at_s = record.intended_s - self._zero_s
            phase = next((p["name"] for p in phases if p["start_s"] <= at_s < p["end_s"]), None)
            if phase is not None:
                rows.append({**replace(record, intended_s=at_s).row(), "phase": phase})
        return rows

    def _since_s(self) -> float:
        return self._clock() - self._began_s

    def _shots(self) -> Iterator[Shot]:
        """Poisson arrivals; a change of rate shows with the next one."""
        # asked for the first one in the moment in which the generator starts its own clock
        self._began_s, self._began_at = self._clock(), self._wall()
        rng = random.Random(f"{self.options.seed}/arrivals")  # noqa: S311 - repeatable by design
        at_s = 0.0
        for number, question in enumerate(self._drawn):
            yield Shot(at_s, question, f"chaos-{self.options.seed}-{number}")
            at_s += rng.expovariate(1.0) / (self.options.rate_rps * self.factor)
