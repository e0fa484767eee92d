"""Does the planner foresee what happens? p95 and throughput at two loads, predicted from a light one and then measured.

The service runs as its users start it before two stub models of known slots and times; some questions are repeated and
come from the answer cache, the router deals out the others. What is predicted knows the light run alone.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from evals.bench.overload import stub_command
from evals.bench.phases import UNCACHED, Phase, Sent, Targets, p95_ms
from evals.bench.processes import free_port, server, steadyrag
from evals.load import arrivals
from evals.load.client import ChatClient
from evals.load.generator import Generator
from evals.load.questions import zipf
from evals.load.queue_model import Service
from evals.load.records import Record, Shot
from evals.load.reply import Reply
from evals.load.report import invalidity
from evals.load.slo import Slo
from evals.planner.prediction import Draws, Prediction, predict
from evals.planner.prices import Part, Prices
from evals.planner.workload import Workload, read_workload

SMALL = Service(service_time_s=0.16, slots=6, queue_limit=10_000, events=8, itl_s=0.02)
LARGE = Service(service_time_s=0.40, slots=6, queue_limit=10_000, events=8, itl_s=0.03)
#: Requests per second of the light load, at which nobody waits.
LIGHT_RPS = 8.0
#: Utilisation of the busiest part at the loads that are predicted.
LOADS = {"calm": 0.6, "busy": 0.85}
#: Share of the requests that ask one of so many questions over and over.
REPEATED, POPULAR = 0.3, 40
#: Lines form where they form: no limit refuses, no full model hands on. The threshold deals both models a good part.
OPEN = {
    **UNCACHED,
    "STEADYRAG_RESILIENCE__ADMITTED": "256",
    "STEADYRAG_MODELS__SPILL": "false",
    "STEADYRAG_MODELS__THRESHOLD": "0.03",
}

TARGETS: Targets = {
    f"{load}_{figure}": bounds
    for load in LOADS
    for figure, bounds in {
        "p95_predicted_vs_measured": (0.75, 1.25),
        "throughput_predicted_vs_measured": (0.75, 1.25),
        "failed": (0.0, 0.0),
        "valid": (1.0, 1.0),
    }.items()
}


def deployment(small: Service, large: Service, cores: int) -> Prices:
    """What runs here, at no price: one process on so many cores, and the two models."""
    return Prices(
        parts={
            "api": Part(price_per_hour=0),
            "embedder": Part(price_per_hour=0, at_once=cores, batch=8, shared=0.5),
            "index": Part(price_per_hour=0, at_once=cores),
            "small": Part(price_per_hour=0, at_once=small.slots, model="small-stub"),
            "large": Part(price_per_hour=0, at_once=large.slots, model="large-stub"),
        }
    )


async def measure(
    questions: Sequence[str],
    data_dir: Path,
    *,
    seed: int,
    requests: int,
    cores: int,
    small: Service = SMALL,
    large: Service = LARGE,
) -> dict[str, float]:
    """Figures of a light load, the predictions made from it, and the two loads then measured.

    Args:
        questions: drawn from at random.
        data_dir: holds the corpus.
        seed: of the load and of the simulation.
        requests: of each load, at least; of the light one half as many.
        cores: that the service's parts share.
        small: what stands in for the small model.
        large: what stands in for the large one.
    """
    prices = deployment(small, large, cores)
    async with _service(data_dir, small, large) as url:
        light = await _send(url, questions, Phase.of(requests // 2, LIGHT_RPS), seed)
        workload = read_workload(light.records, prices)
        figures = {"light_p95_ms": p95_ms(light.answers)}
        figures |= {f"light_share_{kind}": share for kind, share in workload.shares.items()}
        for number, (name, utilisation) in enumerate(LOADS.items(), start=1):
            rate_rps = utilisation * capacity_rps(workload, prices)
            foreseen = predict(
                workload, prices, dict.fromkeys(prices.parts, 1), rate_rps=rate_rps, slo=Slo(), draws=Draws(seed)
            )
            sent = await _send(url, questions, Phase.of(requests, rate_rps), seed * 10 + number)
            found = compared(foreseen, sent, prices)
            figures |= {f"{name}_rate_rps": rate_rps, **{f"{name}_{key}": value for key, value in found.items()}}
    return figures


def capacity_rps(workload: Workload, prices: Prices) -> float:
    """The rate at which the busiest part, one replica of each, is busy all the time."""
    load = workload.load()
    return min(part.at_once / load[name] for name, part in prices.parts.items() if load.get(name))


def compared(foreseen: Prediction, sent: Sent, prices: Prices) -> dict[str, float]:
    """What was foreseen against what came, and of what kinds that was by chance."""
    measured_ms, answered_rps = p95_ms(sent.answers), throughput_rps(sent.answers, sent.seconds)
    return {
        "requests": float(len(sent.records)),
        **{f"share_{kind}": share for kind, share in read_workload(sent.records, prices).shares.items()},
        "p95_ms": measured_ms,
        "p95_predicted_ms": foreseen.e2e_ms["p95"],
        "p95_predicted_vs_measured": foreseen.e2e_ms["p95"] / measured_ms,
        "throughput_rps": answered_rps,
        "throughput_predicted_rps": foreseen.throughput_rps,
        "throughput_predicted_vs_measured": foreseen.throughput_rps / answered_rps,
        "failed": float(len(sent.records) - len(sent.answers)),
        "valid": float(sent.valid),
    }


def throughput_rps(answers: Sequence[Record], seconds: float) -> float:
    """Answers that ended while requests were sent, a second."""
    return sum(record.intended_s + record.e2e_s <= seconds for record in answers) / seconds


@asynccontextmanager
async def _service(data_dir: Path, small: Service, large: Service) -> AsyncIterator[str]:
    ports = {"small": free_port(), "large": free_port(), "service": free_port()}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    settings = {
        **OPEN,
        "STEADYRAG_DATA_DIR": str(data_dir),
        "STEADYRAG_CACHE__STORE": "memory:",
        "STEADYRAG_MODELS__SMALL": f"{urls['small']}/v1#small-stub",
        "STEADYRAG_MODELS__LARGE": f"{urls['large']}/v1#large-stub",
    }
    async with (
        server(stub_command(small, ports["small"], "small-stub"), f"{urls['small']}/health", {}),
        server(stub_command(large, ports["large"], "large-stub"), f"{urls['large']}/health", {}),
        server(steadyrag("serve", "--port", str(ports["service"])), f"{urls['service']}/ready", settings),
    ):
        yield urls["service"]


async def _send(url: str, questions: Sequence[str], phase: Phase, seed: int) -> Sent:
    """Poisson arrivals; the popular questions, once all of them are stored, among others that are not to be."""
    rng = random.Random(f"{seed}/repeated")
    drawn = zipf(questions[POPULAR:], 0.0, seed)
    times_s = arrivals.poisson(phase.rate_rps, phase.seconds, seed)
    popular = questions[:POPULAR]
    shots = [
        Shot(at_s, rng.choice(popular), f"repeated-{number}")
        if rng.random() < REPEATED
        else Shot(at_s, next(drawn), f"other-{number}")
        for number, at_s in enumerate(times_s)
    ]
    async with ChatClient(url) as storing, ChatClient(url, extra={"steadyrag": {"cache": "no-store"}}) as others:

        async def ask(shot: Shot, reply: Reply) -> None:
            await (storing if shot.request_id.startswith("repeated") else others).ask(shot, reply)

        for question in popular:
            await storing.ask(Shot(0.0, question, "stored"), Reply())
        run = await Generator(ask).run(shots, phase.seconds)
    return Sent(run.records, run.window_s, not invalidity(run))
