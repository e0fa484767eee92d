"""One experiment from its file to a result folder: load, Chaos Toolkit beside it, and what came of both.

experiment.json   what ran                 journal.json   Chaos Toolkit's account of it
events.json       what happened when       run.json, requests.parquet   see `evals.runs`
quality.json      nDCG by phase, with judged questions
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from chaos.analysis.figures import analyse
from chaos.catalogue import Experiment
from chaos.faults.process import Child
from chaos.lab.addresses import HOST, free_ports, is_well
from chaos.lab.environment import environment as children_environment
from chaos.load.traffic import ABORT, ACTIVITY, BASELINE, FAULT, RECOVERY
from chaos.progress import watch
from chaos.target import Target
from chaos.toolkit import process
from chaos.toolkit.calls import call
from evals.runs import Run, environment, git_revision, prepare_folder, save_run
from rag.cli.output import people

#: Sent before anything counts: connections are opened, pools filled.
WARM_UP_S = 5.0
PHASES = (BASELINE, FAULT, RECOVERY)


@dataclass(frozen=True, slots=True)
class Plan:
    """How an experiment is run.

    Attributes:
        seed: of the load's questions and times.
        requests: of a phase at least, unless chance is against it by three standard deviations; None = as in the file.
        rate_rps: None = as in the file, and at most `most_rps`.
        data: folder in BEIR's format: its questions are asked, and the passages found are judged.
        configuration: values instead of those of the file.
    """

    seed: int = 0
    requests: int | None = None
    rate_rps: float | None = None
    most_rps: float = math.inf
    data: Path | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)

    def values(self, experiment: Experiment) -> dict[str, Any]:
        """The experiment's configuration."""
        values = {**experiment.configuration, **self.configuration}
        values["rate_rps"] = self.rate_rps or min(values["rate_rps"], self.most_rps)
        if self.requests is not None:
            seconds = math.ceil((self.requests + 3 * math.sqrt(self.requests)) / values["rate_rps"])
            values.update({f"{phase}_s": seconds for phase in PHASES})
        return values


async def run(experiment: Experiment, target: Target, plan: Plan, folder: Path) -> dict[str, Any]:
    """The figures of one run, stored with all that they come from.

    Args:
        experiment: what to do.
        target: to what.
        plan: how.
        folder: takes the result.

    Raises:
        CannotRun: the target lacks what the experiment needs, or Chaos Toolkit refuses it.
        CannotMeasure: the folder holds a run.
    """
    target.require(experiment)
    prepare_folder(folder)
    values = {**plan.values(experiment), **target.configuration()}
    async with _load(experiment, values, plan, folder, target.api_key) as load_url:
        values["load_url"] = load_url
        watching = asyncio.create_task(watch(experiment.name, load_url, people))
        try:
            await asyncio.sleep(WARM_UP_S)
            journal = await process.run(experiment.path, values, folder)
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        sent = await call("POST", f"{load_url}/stop")
    events = _events(sent["events"], await _lab_events(target, sent["started_at"]), sent["started_at"])
    journal["deviated"] = process.deviated(journal, aborted=any(event["kind"] == ABORT for event in sent["events"]))
    return _stored(experiment, values, plan, folder, journal=journal, sent=sent, events=events)


@asynccontextmanager
async def _load(
    experiment: Experiment, values: Mapping[str, Any], plan: Plan, folder: Path, api_key: str | None
) -> AsyncIterator[str]:
    """The load while the block runs; gives the URL that it is steered by."""
    about, (port,) = experiment.about, free_ports(1)
    url = f"http://{HOST}:{port}"
    options = {
        "url": values["url"],
        "rate": values["rate_rps"],
        "seed": plan.seed,
        "deadline-s": values["deadline_s"],
        "fields": orjson.dumps({"cache": "no-store", **about.get("ask", {})}).decode(),
        "expected": ",".join(experiment.expected_labels(values)) if about["affected"] == "all" else "",
        "port": port,
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    words += [f"--data={plan.data}"] if plan.data else []
    words += [f"--api-key={api_key}"] if api_key else []
    command = [sys.executable, "-m", "chaos.load", *words]
    child = Child(
        "load", command, lambda: is_well(f"{url}/figures"), env=children_environment(), log=folder / "load.log"
    )
    try:
        await child.start()
        yield url
    finally:
        await child.stop()


async def _lab_events(target: Target, since: float) -> list[dict[str, Any]]:
    """What the lab has seen since; a deployment keeps it to itself."""
    if not target.control_url:
        return []
    events: list[dict[str, Any]] = await call("GET", f"{target.control_url}/events?since={since}")
    return events


def _events(noted: list[dict[str, Any]], lab: list[dict[str, Any]], started_at: float) -> list[dict[str, Any]]:
    """Both diaries as one, on the load's clock; faults are told by those who ordered them."""
    seen = [
        {"at_s": event["at"] - started_at, **{name: event[name] for name in ("kind", "name", "detail")}}
        for event in lab
        if event["kind"] in {"breaker", "process"}
    ]
    own = [event for event in noted if event["kind"] != ACTIVITY]
    return sorted(own + seen, key=lambda event: float(event["at_s"]))


def _stored(
    experiment: Experiment,
    values: Mapping[str, Any],
    plan: Plan,
    folder: Path,
    *,
    journal: dict[str, Any],
    sent: Mapping[str, Any],
    events: list[dict[str, Any]],
) -> dict[str, Any]:
    """The figures; a run that was not begun has none, and leaves no run.json behind."""
    about = experiment.about
    config = {
        "name": experiment.name,
        "seed": plan.seed,
        "phases": sent["phases"],
        "rate_rps": values["rate_rps"],
        "deadline_s": values["deadline_s"],
        "targets": about["targets"],
        "expected_labels": experiment.expected_labels(values),
        "affected": about["affected"],
        "fault": _fault(experiment, values),
        "configuration": dict(values),
        "command": [Path(word).name for word in ("chaos", *process.options(experiment.path, folder))],
    }
    invalid = [*process.obstacles(journal), *sent["invalid_reasons"]]
    _write(folder, "experiment", experiment.content)
    _write(folder, "journal", journal)
    _write(folder, "events", events)
    if sent["quality"]:
        _write(folder, "quality", sent["quality"])
    if not sent["rows"]:
        return unfinished(experiment.name, plan.seed, invalid or ["nothing was asked"])
    figures = analyse(
        sent["rows"],
        events,
        config,
        deviated=journal["deviated"],
        quality=sent["quality"] or None,
        invalid=invalid,
    )
    summary = {**figures, "invalid_reasons": invalid}
    run = Run("chaos", sent["started_at"], plan.seed, config, summary, environment(), git_revision())
    save_run(folder, run, sent["rows"])
    return figures


#: What every line of `chaos run --json` holds.
KEYS = (
    *("experiment", "verdict", "deviated", "availability", "p95_ratio", "p99_ratio"),
    *("unlabelled_degraded", "time_to_open_s", "recovery_s"),
)


def unfinished(name: str, seed: int, reasons: list[str]) -> dict[str, Any]:
    """The figures of a run that was not begun."""
    known = {"experiment": name, "verdict": "invalid", "deviated": False, "reasons": reasons, "seed": seed}
    return {**dict.fromkeys(KEYS), **known}


def _fault(experiment: Experiment, values: Mapping[str, Any]) -> dict[str, Any]:
    """The fault in a word, with its strength where it has one."""
    strength = experiment.about.get("sweep")
    told = {"blast_radius": experiment.about["blast_radius"]}
    return {**told, "parameter": strength, "value": values[strength]} if strength else told


def _write(folder: Path, name: str, content: object) -> None:
    (folder / f"{name}.json").write_bytes(orjson.dumps(content, default=str, option=orjson.OPT_INDENT_2))
