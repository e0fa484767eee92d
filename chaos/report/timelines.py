"""Plots of a run over one time axis, the fault's window shaded in each."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from chaos.analysis.figures import PERCENTILES
from chaos.analysis.phases import Event, breaker_states, state
from chaos.analysis.requests import Floats
from chaos.analysis.timeline import FULL, OTHERS, Timeline, timeline
from chaos.report.result import Result
from evals.report.axes import Axis, number
from evals.report.layers import Layer, Level, Line, Stack, Told, Window
from evals.report.markup import Markup, join, tag
from evals.report.plot import Plot, States, Stretch

#: Where the slowest answers take so many times as long as the quickest, times get a logarithmic axis.
WIDE_SPREAD = 20.0
#: States of a breaker.
BREAKER_STATES = {"closed": "good", "half-open": "fair", "open": "bad"}
#: A process is up in this state, and down in every other.
RUNNING = "running"
#: Styles of the rungs below the full answer.
RUNG_STYLES = (2, 3, 4, 5)


def timelines(result: Result) -> Markup:
    """Rate, latency, errors, rungs, breakers and processes."""
    line = timeline(result.requests, result.end_s, result.deadline_s, PERCENTILES)
    axis, window = Axis("time", 0.0, result.end_s, "s"), Window("fault", result.window.start_s, result.window.end_s)
    return join(
        [
            _rate(line, axis, window),
            _latency(line, axis, window, result.deadline_s),
            _errors(line, axis, window),
            _rungs(line, axis, window),
            _breakers(result, axis, window),
            _processes(result, axis, window),
        ]
    )


def _rate(line: Timeline, x: Axis, window: Window) -> Markup:
    layers: list[Layer] = [
        window,
        Line("asked", line.middles, line.asked_rps.tolist(), style=6),
        Line("answered in time", line.middles, line.good_rps.tolist(), style=1),
        _told(line, {"asked": line.asked_rps, "answered in time": line.good_rps}, "a second"),
    ]
    y = Axis.over("", line.asked_rps.tolist(), "requests a second")
    return Plot(
        title="Rate and goodput",
        description=f"{_when(window)} Answered in time were {_range(line.good_rps)} requests a second.",
        x=x,
        y=y,
        layers=layers,
    ).html()


def _latency(line: Timeline, x: Axis, window: Window, deadline_s: float) -> Markup:
    curves = {f"p{q}": values for q, values in line.percentiles_ms.items()}
    y = Axis.over("", itertools.chain.from_iterable(curves.values()), "ms", spread=WIDE_SPREAD)
    layers: list[Layer] = [window]
    if deadline_s * 1e3 <= y.high:
        layers.append(Level(f"deadline {number(deadline_s)} s", deadline_s * 1e3))
    layers += [
        Line(name, line.middles, values.tolist(), style)
        for style, (name, values) in zip((1, 2, 4), curves.items(), strict=True)
    ]
    scale = " (logarithmic)" if y.log else ""
    return Plot(
        title=f"Time of the answers{scale}",
        description=f"{_when(window)} The p95 of a stretch was {_range(curves['p95'])} ms.",
        x=x,
        y=y,
        layers=[*layers, _told(line, curves, "ms")],
        height_px=200,
    ).html()


def _errors(line: Timeline, x: Axis, window: Window) -> Markup:
    both = line.refused_rps + line.failed_rps
    if not both.any():
        return _nothing("Errors and refusals", "None: every request was answered.")
    amounts = [("refused with Retry-After", line.refused_rps.tolist(), 5), ("failed", line.failed_rps.tolist(), 2)]
    return Plot(
        title="Errors and refusals",
        description=f"{_when(window)} Refused or failed were {_range(both)} requests a second.",
        x=x,
        y=Axis.over("", both.tolist(), "requests a second"),
        layers=[
            window,
            Stack(line.edges, amounts),
            _told(line, {"refused": line.refused_rps, "failed": line.failed_rps}, "a second"),
        ],
        height_px=110,
    ).html()


def _rungs(line: Timeline, x: Axis, window: Window) -> Markup:
    if set(line.rungs) == {FULL}:
        return _nothing("Rungs of the ladder", "Every answer was a full one.")
    steps = [name for name in line.rungs if name not in (FULL, OTHERS)]
    styles = {FULL: 0, OTHERS: 6} | dict(zip(steps, RUNG_STYLES, strict=False))
    amounts = [(name, shares.tolist(), styles[name]) for name, shares in line.rungs.items()]
    return Plot(
        title="Rungs of the ladder, share of the answers",
        description=f"{_when(window)} The answers stood on these rungs: {', '.join(line.rungs)}.",
        x=x,
        y=Axis("", 0.0, 1.0, "%"),
        layers=[
            Stack(line.edges, amounts),
            replace(window, outlined=True),
            _told(line, {name: shares * 100 for name, shares in line.rungs.items()}, "%"),
        ],
        height_px=110,
    ).html()


def _breakers(result: Result, x: Axis, window: Window) -> Markup:
    states = breaker_states(result.events, result.end_s)
    if not states:
        return _nothing("Breakers", "None changed its state.")
    rows = {name: _stretches(name, row) for name, row in states.items()}
    return States(
        title="Breakers",
        description=f"{_when(window)} These breakers changed their state: {', '.join(rows)}.",
        x=x,
        rows=rows,
        styles=BREAKER_STATES,
        behind=[window],
    ).html()


def _processes(result: Result, x: Axis, window: Window) -> Markup | None:
    rows: dict[str, list[Stretch]] = {}
    for event in sorted(result.events, key=lambda event: float(event["at_s"])):
        if event["kind"] == "process":
            _append(rows.setdefault(str(event["name"]), []), event, result.end_s)
    if not rows:
        return None
    return States(
        title="Processes",
        description=f"{_when(window)} These processes were stopped or started: {', '.join(rows)}.",
        x=x,
        rows=rows,
        styles={"up": "good", "down": "bad"},
        behind=[window],
    ).html()


def _append(row: list[Stretch], event: Event, end_s: float) -> None:
    """A process is up until it is said to be something else."""
    at_s, up = float(event["at_s"]), state(event) == RUNNING
    before = row.pop() if row else Stretch(0.0, end_s, "up", "up")
    row.append(Stretch(before.start, at_s, before.state, before.told))
    row.append(Stretch(at_s, end_s, "up" if up else "down", f"{event['name']}: {state(event)} at {number(at_s)} s"))


def _stretches(name: str, row: Sequence[tuple[float, float, str]]) -> list[Stretch]:
    return [
        Stretch(start, end, state, f"{name}: {state} from {number(start)} to {number(end)} s")
        for start, end, state in row
    ]


def _told(line: Timeline, curves: Mapping[str, Floats], unit: str) -> Told:
    """What each stretch shows, in words."""
    words = [
        f"{number(start)} to {number(end)} s: "
        + ", ".join(f"{name} {number(float(values[place]))} {unit}" for name, values in curves.items())
        for place, (start, end) in enumerate(itertools.pairwise(line.edges))
    ]
    return Told(line.edges, words)


def _when(window: Window) -> str:
    return f"The fault was there from second {number(window.start)} to {number(window.end)}."


def _range(values: Floats) -> str:
    known = values[np.isfinite(values)]
    return f"{number(float(known.min()))} to {number(float(known.max()))}" if known.size else "not measured"


def _nothing(title: str, words: str) -> Markup:
    return tag("p", tag("b", title), ": ", words, class_="plot-less")
