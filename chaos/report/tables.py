"""What a run's page says in tables: targets, phases, labels, quality, and how to run it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from chaos.report.result import Result
from chaos.report.words import judged
from evals.report.axes import number
from evals.report.markup import Markup, join, tag
from evals.report.page import facts, listing, table
from evals.report.words import milliseconds, share

#: Distributions whose versions matter to who runs it again.
PACKAGES = ("steadyrag", "chaostoolkit", "qdrant-edge-py", "qdrant-client", "redis", "onnxruntime", "uvicorn")

#: Figures of a phase, and what they are called.
ROWS = {
    "seconds": "seconds",
    "requests": "asked",
    "answered": "answered",
    "refused": "refused with Retry-After",
    "failed": "failed",
    "over_deadline": "over the deadline",
    "degraded": "degraded answers",
    "goodput_rps": "answered in time, a second",
    "p50_ms": "p50, ms",
    "p95_ms": "p95, ms",
    "p99_ms": "p99, ms",
}


def targets(figures: Mapping[str, Any], bounds: Mapping[str, Any]) -> Markup:
    """Every target, and whether it is met."""
    return table("Tolerances of the hypothesis", ["figure", "target", "measured", ""], judged(figures, bounds))


def phases(figures: Mapping[str, Any]) -> Markup:
    """What was asked in each phase and what came of it."""
    parts = figures["phases"]
    rows = [(name, *(phase[figure] for phase in parts.values())) for figure, name in ROWS.items()]
    return table("Requests by phase; whom the fault still met counts to it", ["", *parts], rows)


def labels(figures: Mapping[str, Any]) -> Markup:
    """Answers by label and phase; empty without any."""
    parts = figures["phases"]
    names = sorted({label for phase in parts.values() for label in phase["labels"]})
    if not names:
        return Markup()
    rows = [
        (name, *(_share(phase["labels"].get(name, 0), phase["answered"]) for phase in parts.values())) for name in names
    ]
    return table("Degraded answers by label, share of the phase's answers", ["label", *parts], rows)


def errors(figures: Mapping[str, Any]) -> Markup:
    """Requests without an answer by class and phase; empty without any."""
    parts = figures["phases"]
    names = sorted({error for phase in parts.values() for error in phase["errors"]})
    if not names:
        return Markup()
    rows = [(name, *(phase["errors"].get(name, 0) for phase in parts.values())) for name in names]
    return table("Requests without an answer by class", ["class", *parts], rows)


def quality(figures: Mapping[str, Any]) -> Markup:
    """How good the passages were, phase beside phase; empty where it was not measured."""
    measured = figures["quality"]
    if not measured:
        return Markup()
    names = list(dict.fromkeys(name for values in measured.values() for name in values))
    rows = [(name, *(values.get(name) for values in measured.values())) for name in names]
    return table("Quality of retrieval, on the same questions", ["measure", *measured], rows)


def opening(figures: Mapping[str, Any]) -> Markup:
    """When each breaker opened, and what the answers took until then and since."""
    if not figures["breakers_opened"]:
        return Markup()
    opened = ", ".join(f"{name} after {number(at_s)} s" for name, at_s in figures["breakers_opened"].items())
    before, until, since = (milliseconds(figures[f"p95_{when}_ms"]) for when in ("baseline", "opening", "open"))
    return tag(
        "p", f"Opened: {opened}. p95 {before} before the fault, {until} until the last of them opened, {since} since."
    )


def again(result: Result) -> Markup:
    """How to run it again, and where it ran."""
    config, where = result.config, result.run.environment
    command = f"steadyrag chaos run {result.name} --seed {config.get('seed')}"
    packages = where.get("packages", {})
    versions = ", ".join(f"{name} {packages[name]}" for name in PACKAGES if name in packages)
    told = [
        ("seed", str(config.get("seed"))),
        ("fault", _told(config.get("fault", {}))),
        ("configuration", _told(config.get("configuration", {}))),
        ("Chaos Toolkit", shlex.join(map(str, config.get("command", ())))),
        (
            "rate",
            f"{number(config.get('rate_rps'))} requests a second, open loop; deadline {number(result.deadline_s)} s",
        ),
        ("revision", result.run.git or "unknown"),
        ("machine", f"{where.get('platform')}, {where.get('cpu_count')} processors, Python {where.get('python')}"),
        ("versions", versions),
    ]
    return join([listing(command), facts((name, text) for name, text in told if text)])


def _share(part: int, whole: int) -> str:
    return share(part / whole) if whole else "–"


def _told(fault: Any) -> str:
    return (
        "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in fault.items())
        if isinstance(fault, Mapping)
        else str(fault)
    )
