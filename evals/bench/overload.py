"""More questions than the model can answer: what is served, how late, and how the rest is turned away.

The service runs as its users start it, its model is the stub model server, whose queue has a known capacity.
Each phase offers a multiple of that capacity, by the clock.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from evals.bench.phases import UNCACHED, Phase, Sent, Targets, p95_ms, send
from evals.bench.processes import free_port, server, steadyrag
from evals.load.queue_model import Service
from evals.load.records import Record
from evals.load.report import REJECTIONS

#: 16 answers at once of 0.8 s each: 20 a second. Ten times that, model and generator included, fits on two cores.
MODEL = Service(service_time_s=0.66, slots=16, queue_limit=10_000, events=8, itl_s=0.02)
#: Multiple of the capacity at which nothing queues.
CALM = 0.5
#: Requests of a phase for each second that it lasts at least: a thousand last 20 s, fifty answers in a row, since
#: until the first answer and after the last question there is less to do than the model can.
REQUESTS_PER_S = 50
WARM_UP_S = 3.0
#: Interactive questions in the mixed phase, of twice the capacity.
INTERACTIVE = 0.25

TARGETS: Targets = {
    f"{phase}_{figure}": bounds
    for phase in ("3x", "10x")
    for figure, bounds in {
        "goodput_vs_capacity": (0.9, 2.0),
        "p95_vs_baseline": (0.0, 2.0),
        "rejected_p95_ms": (0.0, 20.0),
        "rejected_with_retry_after": (1.0, 1.0),
        "failed_otherwise": (0.0, 0.0),
    }.items()
} | {
    "mixed_interactive_admitted": (0.99, 1.0),
    "after_availability": (0.99, 1.0),
    "after_p95_vs_baseline": (0.0, 1.5),
    "valid": (1.0, 1.0),
}


async def measure(
    questions: Sequence[str], data_dir: Path, *, runs: int, seed: int, requests: int, model: Service = MODEL
) -> dict[str, float]:
    """The median of each figure, over runs that differ in their seeds and have a service each.

    Args:
        questions: drawn from at random.
        data_dir: holds the corpus.
        runs: how many.
        seed: of the first run's load; each further one's is one more.
        requests: of a phase, at least.
        model: what stands in for a model.
    """
    measured = [await run(questions, data_dir, seed=seed + n, requests=requests, model=model) for n in range(runs)]
    return {figure: statistics.median(found[figure] for found in measured) for figure in measured[0]}


async def run(
    questions: Sequence[str], data_dir: Path, *, seed: int, requests: int, model: Service
) -> dict[str, float]:
    """Figures of one run; for the arguments see `measure`."""
    port, model_port = free_port(), free_port()
    url, model_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{model_port}"
    settings = {
        **UNCACHED,
        "STEADYRAG_DATA_DIR": str(data_dir),
        "STEADYRAG_MODELS__SMALL": f"{model_url}/v1#model-stub",
    }

    def offer(factor: float, interactive: float = 1.0) -> Phase:
        least_s = requests / REQUESTS_PER_S
        return Phase.of(requests, factor * model.capacity_rps, least_s=least_s, interactive=interactive)

    async with (
        server(stub_command(model, model_port), f"{model_url}/health", {}),
        server(steadyrag("serve", "--port", str(port)), f"{url}/ready", settings),
    ):
        await send(url, questions, Phase(CALM * model.capacity_rps, WARM_UP_S), seed)
        phases = (offer(CALM), offer(3), offer(10), offer(CALM), offer(2, INTERACTIVE))
        sent = [await send(url, questions, phase, seed * 10 + number) for number, phase in enumerate(phases)]
    return figures(*sent, capacity_rps=model.capacity_rps)


def figures(calm: Sent, three: Sent, ten: Sent, after: Sent, mixed: Sent, *, capacity_rps: float) -> dict[str, float]:
    """What a run is judged by; see `TARGETS`.

    Args:
        calm: below the capacity, before anything happened.
        three: at three times the capacity.
        ten: at ten times.
        after: as calm, straight after the overload.
        mixed: at twice the capacity, most of it batch.
        capacity_rps: of the model.
    """
    calm_ms = p95_ms(calm.answers)
    phases = {"3x": three, "10x": ten, "mixed": mixed}
    return {
        "capacity_rps": capacity_rps,
        "requests": float(sum(len(sent.records) for sent in (calm, after, *phases.values()))),
        "baseline_p95_ms": calm_ms,
        **{f"{name}_{key}": value for name, sent in phases.items() for key, value in shed(sent).items()},
        **{f"{name}_p95_vs_baseline": p95_ms(sent.answers) / calm_ms for name, sent in phases.items()},
        **{f"{name}_goodput_vs_capacity": goodput_rps(sent) / capacity_rps for name, sent in phases.items()},
        "mixed_interactive_admitted": mixed.of("interactive").availability,
        "mixed_batch_admitted": mixed.of("batch").availability,
        "after_availability": after.availability,
        "after_p95_vs_baseline": p95_ms(after.answers) / calm_ms,
        "after_last_refused_s": max((record.intended_s for record in after.records if record.error), default=0.0),
        "valid": float(all(sent.valid for sent in (calm, after, *phases.values()))),
    }


def shed(sent: Sent) -> dict[str, float]:
    """How callers were turned away, and how many failed in another way."""
    rejected = [record for record in sent.records if record.error in REJECTIONS]
    return {
        "rejected": float(len(rejected)),
        "rejected_p95_ms": p95_ms(rejected),
        "rejected_with_retry_after": _share(rejected),
        "failed_otherwise": float(len(sent.records) - len(sent.answers) - len(rejected)),
    }


def goodput_rps(sent: Sent) -> float:
    """Undegraded answers a second, up to the end of the last."""
    good = [record for record in sent.answers if not record.degraded]
    return len(good) / max([sent.seconds, *(record.intended_s + record.e2e_s for record in good)])


def _share(rejected: Sequence[Record]) -> float:
    return sum(record.retry_after is not None for record in rejected) / len(rejected) if rejected else 1.0


def stub_command(model: Service, port: int, name: str = "model-stub") -> list[str]:
    """The command line of the stub model server."""
    values = {
        "port": port,
        "model": name,
        "slots": model.slots,
        "service-time-s": model.service_time_s,
        "queue-limit": model.queue_limit,
        "events": model.events,
        "itl-s": model.itl_s,
    }
    flags = [text for name, value in values.items() for text in (f"--{name}", str(value))]
    return [sys.executable, "-m", "evals.load.stub_model", *flags]
