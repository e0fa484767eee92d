"""The dense index in trouble, under load: is every question answered, and does every affected answer say so?

The service runs in a process of its own, composed with faults at the seams `index:N`; this process sends the load.
A scenario is a baseline, the fault, and the recovery; each is a phase of open-loop load.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp

from evals.bench.faulty_service import Fault
from evals.bench.phases import UNCACHED, Phase, Sent, Targets, p95_ms, send
from evals.bench.processes import free_port, server
from evals.load.records import Record
from rag.resilience.ladder import DENSE, EMBEDDER, SHARDS

SHARD_COUNT = 4
RATE_RPS = 20.0
WARM_UP_S = 3.0
#: The recovery is watched for at least so long.
RECOVERY_S = 15.0
SLOW_S = 2.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault, and the label that every answer carries while it lasts."""

    fault: Fault
    label: str


#: Labels of answers that the whole dense index had no part in; a question without a vector asks no shard.
DENSE_LABELS = (DENSE.label, EMBEDDER.label, SHARDS.label.partition("{")[0])
ALL_BUT_ONE = SHARDS.label.format(SHARD_COUNT - 1, SHARD_COUNT)
SCENARIOS = {
    "index-slow": Scenario(Fault(range(SHARD_COUNT), delay_s=SLOW_S), DENSE.label),
    "shard-slow": Scenario(Fault([0], delay_s=SLOW_S), ALL_BUT_ONE),
    "shard-dead": Scenario(Fault([1], dead=True), ALL_BUT_ONE),
}
TARGETS: Targets = {
    f"{name}.{figure}": bounds
    for name in SCENARIOS
    for figure, bounds in {
        "availability": (1.0, 1.0),
        "unlabelled": (0.0, 0.0),
        "labelled_as_expected": (1.0, 1.0),
        "p95_open_vs_baseline": (0.0, 1.5),
        "back_after_s": (0.0, 10.0),
        "valid": (1.0, 1.0),
    }.items()
}


async def measure(
    names: Sequence[str], questions: Sequence[str], data_dir: Path, *, seed: int, requests: int
) -> dict[str, float]:
    """Figures of the named scenarios, each on a service of its own.

    Args:
        names: of `SCENARIOS`.
        questions: drawn from at random.
        data_dir: holds the corpus, in `SHARD_COUNT` shards.
        seed: of the load.
        requests: of a phase, at least.
    """
    measured = {name: await run(SCENARIOS[name], questions, data_dir, seed=seed, requests=requests) for name in names}
    return {f"{name}.{figure}": value for name, found in measured.items() for figure, value in found.items()}


async def run(
    scenario: Scenario, questions: Sequence[str], data_dir: Path, *, seed: int, requests: int
) -> dict[str, float]:
    """Figures of one scenario."""
    port, phase = free_port(), Phase.of(requests, RATE_RPS)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "evals.bench.faulty_service", str(port)]
    async with server(command, f"{url}/ready", {**UNCACHED, "STEADYRAG_DATA_DIR": str(data_dir)}):
        await send(url, questions, Phase(RATE_RPS, WARM_UP_S), seed)
        baseline = await send(url, questions, phase, seed)
        await _begin(url, scenario.fault)
        faulty = await send(url, questions, phase, seed + 1)
        changes = await _begin(url, Fault())
        recovering = await send(url, questions, Phase.of(requests, RATE_RPS, least_s=RECOVERY_S), seed + 2)
    return figures(scenario.label, baseline, faulty, recovering, opened_after_s(changes))


def figures(label: str, baseline: Sent, faulty: Sent, recovering: Sent, opened_s: float) -> dict[str, float]:
    """What the scenario is judged by; see `TARGETS`.

    Args:
        label: what every answer under the fault carries.
        baseline: before the fault.
        faulty: under it.
        recovering: after it.
        opened_s: when the last breaker opened that did, from the beginning of the fault.
    """
    phases = (baseline, faulty, recovering)
    open_records = [record for record in faulty.answers if record.intended_s >= opened_s]
    return {
        "requests": float(sum(len(phase.records) for phase in phases)),
        "availability": min(phase.availability for phase in phases),
        "unlabelled": float(sum(not _is_labelled(record) for record in faulty.answers)),
        "labelled_as_expected": sum(label in record.degraded for record in faulty.answers) / len(faulty.answers),
        "opened_after_s": opened_s,
        "p95_baseline_ms": p95_ms(baseline.answers),
        "p95_opening_ms": p95_ms(record for record in faulty.answers if record.intended_s < opened_s),
        "p95_open_ms": p95_ms(open_records),
        "p95_open_vs_baseline": p95_ms(open_records) / p95_ms(baseline.answers),
        "back_after_s": back_after_s(recovering),
        "valid": float(all(phase.valid for phase in phases)),
    }


def back_after_s(recovering: Sent) -> float:
    """Seconds until the last degraded answer of the phase was sent for; infinite when none came whole after it."""
    asked_s = [record.intended_s for record in recovering.answers if record.degraded]
    last_s = max((record.intended_s for record in recovering.answers), default=0.0)
    return math.inf if last_s in asked_s else max(asked_s, default=0.0)


def opened_after_s(changes: Iterable[tuple[str, str, float]]) -> float:
    """Seconds until every breaker that opened had opened for the first time; infinite when none did."""
    first: dict[str, float] = {}
    for name, state, at_s in changes:
        if state == "open":
            first.setdefault(name, at_s)
    return max(first.values(), default=math.inf)


def _is_labelled(record: Record) -> bool:
    return any(label.startswith(DENSE_LABELS) for label in record.degraded)


async def _begin(url: str, fault: Fault) -> list[tuple[str, str, float]]:
    body = {**asdict(fault), "shards": list(fault.shards)}
    async with aiohttp.ClientSession() as session, session.post(f"{url}/bench/fault", json=body) as response:
        response.raise_for_status()
        return [tuple(change) for change in await response.json()]
