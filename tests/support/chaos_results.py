"""Result folders of chaos experiments whose truth is known: what a service would have left that behaved as said.

write(tmp_path / "run", Story(fault_s=40, opens_after_s=1.2, back_after_s=4))
"""

import math
import random
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from evals.load.records import Record
from evals.runs import Run, save_run

DENSE = "dense-unavailable"
TARGETS = {
    "availability": [1.0, 1.0],
    "unlabelled_degraded": [0, 0],
    "p95_ratio": [None, 1.5],
    "over_deadline": [0, 0],
    "recovery_s": [None, 10.0],
    "quality.fault.ndcg@10": [0.8, None],
}
QUALITY = {"baseline": {"ndcg@10": 0.903, "n": 200}, "fault": {"ndcg@10": 0.885, "n": 200}}
PACKAGES = {"steadyrag": "0.1.0", "chaostoolkit": "1.19.0", "qdrant-edge-py": "0.9.1", "uvicorn": "0.38.0"}


@dataclass
class Story:
    """What happened, times in seconds.

    Attributes:
        delay_ms: the fault's strength.
        opens_after_s: until when answers wait for the faulty part; None: no breaker opens.
        slow_s: what they take meanwhile; None: as the strength says, at most half a second.
        back_after_s: until when after the fault they still bear its label.
        unlabelled: answers under the fault that lack it.
        lost, refused: requests under the fault that fail, or are refused with Retry-After.
    """

    name: str = "vector-db-latency"
    seed: int = 1
    rate_rps: float = 25.0
    baseline_s: float = 40.0
    fault_s: float = 40.0
    recovery_s: float = 30.0
    delay_ms: float = 2000.0
    opens_after_s: float | None = 1.2
    slow_s: float | None = None
    usual_s: float = 0.04
    open_factor: float = 0.75
    back_after_s: float = 4.0
    unlabelled: int = 0
    lost: int = 0
    refused: int = 0
    label: str = DENSE
    deadline_s: float = 5.0
    targets: dict = field(default_factory=lambda: dict(TARGETS))
    quality: dict | None = field(default_factory=lambda: dict(QUALITY))
    more: dict = field(default_factory=dict)

    @property
    def on_s(self):
        return self.baseline_s

    @property
    def off_s(self):
        return self.baseline_s + self.fault_s

    @property
    def end_s(self):
        return self.off_s + self.recovery_s


def config(story):
    """As the toolkit writes it into run.json."""
    return {
        "name": story.name,
        "seed": story.seed,
        "phases": [
            {"name": "baseline", "start_s": 0.0, "end_s": story.on_s},
            {"name": "fault", "start_s": story.on_s, "end_s": story.off_s},
            {"name": "recovery", "start_s": story.off_s, "end_s": story.end_s},
        ],
        "rate_rps": story.rate_rps,
        "deadline_s": story.deadline_s,
        "targets": story.targets,
        "fault": {
            "blast_radius": "The connections of the API's replicas to Qdrant.",
            "parameter": "latency_ms",
            "value": story.delay_ms,
        },
        "configuration": {"rate_rps": story.rate_rps, "latency_ms": story.delay_ms},
        "command": ["chaos", "run", "--rollback-strategy", "always", f"{story.name}.yaml"],
        "expected_labels": [story.label],
        "affected": "all",
        **story.more,
    }


def events(story):
    """As the toolkit writes them: the fault, the breakers of four shards with their trials, a process."""
    told = [
        {"at_s": at_s, "kind": "phase", "name": name, "detail": ""}
        for name, at_s in (("baseline", 0.0), ("fault", story.on_s), ("recovery", story.off_s))
    ]
    told.append({"at_s": story.on_s, "kind": "fault-on", "name": "latency", "detail": {"delay_ms": story.delay_ms}})
    told.append({"at_s": story.off_s, "kind": "fault-off", "name": "latency", "detail": ""})
    if story.opens_after_s is not None:
        for number, name in enumerate(["index", "index:0", "index:1", "index:2", "index:3"]):
            told += _breaker(story, name, story.on_s + story.opens_after_s - 0.1 * (4 - number))
    return sorted(told, key=lambda event: event["at_s"])


def rows(story):
    """The requests, in the order of their ends."""
    rng = random.Random(story.seed)
    records, at_s = [], rng.expovariate(story.rate_rps)
    while at_s < story.end_s:
        records.append(_record(story, rng, at_s, f"chaos-{story.seed}-{len(records)}"))
        at_s += rng.expovariate(story.rate_rps)
    _spoil(story, rng, records)
    return [record.row() for record in sorted(records, key=lambda record: record.intended_s + record.e2e_s)]


def write(folder: Path, story: Story) -> Path:
    """A whole result folder."""
    folder.mkdir(parents=True, exist_ok=True)
    experiment = {
        "title": "A vector database that answers late costs a label, not an answer",
        "description": "Every answer of Qdrant comes later by as much as the fault says, over gRPC, on all shards.",
    }
    files = {"experiment": experiment, "journal": {"status": "completed", "deviated": False}, "events": events(story)}
    for name, content in files.items():
        (folder / f"{name}.json").write_bytes(orjson.dumps(content))
    if story.quality:
        (folder / "quality.json").write_bytes(orjson.dumps(story.quality))
    machine = {"python": "3.11.7", "platform": "Linux-6.1-x86_64", "cpu_count": 2, "packages": PACKAGES}
    run = Run("chaos", 1_795_000_000.0 + story.seed, story.seed, config(story), {}, machine, "0" * 40)
    save_run(folder, run, rows(story))
    return folder


def _breaker(story, name, at_s):
    """Open, then trials that fail with ever longer pauses, then one that passes."""
    told, pause_s = [], 0.8
    while at_s < story.off_s:
        told.append((at_s, "open"))
        at_s += pause_s
        told.append((at_s, "half-open"))
        at_s, pause_s = at_s + 0.5, min(5.0, 2 * pause_s)
    closed_s = story.off_s + story.back_after_s
    told = [each for each in told if each[0] < closed_s] + [(closed_s, "closed")]
    return [{"at_s": at_s, "kind": "breaker", "name": name, "detail": state} for at_s, state in told]


def _record(story, rng, at_s, request_id):
    took_s = story.usual_s * rng.lognormvariate(0, 0.25)
    degraded = []
    if story.on_s <= at_s < story.off_s + story.back_after_s:
        degraded = [story.label]
        waits_s = math.inf if story.opens_after_s is None else story.opens_after_s
        waiting = at_s < min(story.on_s + waits_s, story.off_s)
        slow_s = min(0.5, story.delay_ms / 1e3) if story.slow_s is None else story.slow_s
        took_s = took_s + slow_s if waiting else took_s * story.open_factor
    lag_s = rng.uniform(0, 0.002)
    return Record(request_id, at_s, lag_s, took_s, took_s / 2, [], 200, verdict="bypass", model="m", degraded=degraded)


def _spoil(story, rng, records):
    """Take a label, or the answer, from some requests that began and ended under the fault."""
    inside = [n for n, r in enumerate(records) if story.on_s <= r.intended_s and r.intended_s + r.e2e_s < story.off_s]
    chosen = rng.sample(inside, story.unlabelled + story.lost + story.refused)
    for place, number in enumerate(chosen):
        whole = records[number]
        if place < story.unlabelled:
            records[number] = Record(whole.request_id, whole.intended_s, whole.lag_s, whole.e2e_s, status=200)
        elif place < story.unlabelled + story.lost:
            records[number] = Record(whole.request_id, whole.intended_s, 0.0, 2.0, error="disconnect")
        else:
            records[number] = Record(
                whole.request_id, whole.intended_s, 0.0, 0.004, status=503, error="http_503", retry_after="1"
            )
