"""Phases of a run, the window of its fault, and what its breakers did in it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BASELINE, FAULT, RECOVERY = "baseline", "fault", "recovery"

#: An entry of events.json: `at_s kind name detail`, times on the run's clock.
Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """From `start_s` to before `end_s`, seconds on the run's clock."""

    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end_s - self.start_s


def phases(config: Mapping[str, Any]) -> dict[str, Span]:
    """The phases of a run's configuration, by name; those that a stopped run did not reach are empty, at its end."""
    spans = {each["name"]: Span(float(each["start_s"]), float(each["end_s"])) for each in config["phases"]}
    end_s = max((span.end_s for span in spans.values()), default=0.0)
    return dict.fromkeys((BASELINE, FAULT, RECOVERY), Span(end_s, end_s)) | spans


def fault_window(events: Iterable[Event], phase: Span) -> Span:
    """When the fault was there: from the first that came on to the last that went off; without events, its phase."""
    events = list(events)
    on = [float(event["at_s"]) for event in events if event["kind"] == "fault-on"]
    off = [float(event["at_s"]) for event in events if event["kind"] == "fault-off"]
    return Span(min(on, default=phase.start_s), max(off, default=phase.end_s))


def openings(events: Iterable[Event], window: Span) -> dict[str, float]:
    """When each breaker opened for the first time in the window, by name."""
    first: dict[str, float] = {}
    for event in sorted(_changes(events), key=lambda event: float(event["at_s"])):
        if state(event) == "open" and window.start_s <= event["at_s"] < window.end_s:
            first.setdefault(str(event["name"]), float(event["at_s"]))
    return first


def breaker_states(events: Iterable[Event], end_s: float) -> dict[str, list[tuple[float, float, str]]]:
    """Of each breaker that changed, its states as (start, end, state) from 0 to `end_s`; all begin closed."""
    rows: dict[str, list[tuple[float, float, str]]] = {}
    for event in sorted(_changes(events), key=lambda event: float(event["at_s"])):
        row = rows.setdefault(str(event["name"]), [(0.0, end_s, "closed")])
        start_s, _, before = row.pop()
        row += [(start_s, float(event["at_s"]), before), (float(event["at_s"]), end_s, state(event))]
    return {name: rows[name] for name in sorted(rows)}


def state(event: Event) -> str:
    """The state that a breaker or process went into: the detail, or its first word, or its entry `new`."""
    detail = event.get("detail")
    if isinstance(detail, Mapping):
        return str(detail.get("new", detail.get("state", "")))
    return str(detail or "").split(" ")[0]


def last_opening(opened: Mapping[str, float]) -> float:
    """When the last of the breakers had opened; infinite when none did."""
    return max(opened.values(), default=math.inf)


def _changes(events: Iterable[Event]) -> Sequence[Event]:
    return [event for event in events if event["kind"] == "breaker"]
