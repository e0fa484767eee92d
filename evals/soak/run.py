"""`steadyrag eval soak`: load that goes on, beside which is noted what the service holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evals.errors import CannotMeasure
from evals.load import report
from evals.load.generator import Generator, LoadRun
from evals.load.slo import Slo
from evals.soak.trend import grows, trend

#: Told of each sample.
Watch = Callable[[Mapping[str, Any]], None]
#: What is watched: of the process, and of the answers.
MEASURES = ("rss_mib", "handles", "threads", "p50_ms", "p99_ms")
#: Growth that is no leak, as a share of the level, and the beginning that does not count, as a share of the time.
TOLERANCE, WARM_UP = 0.1, 0.25


@dataclass(slots=True)
class Sampler:
    """Notes every `every_s` seconds what the service holds, and what the answers since the last note took.

    Args:
        held: figures of the process.
        told: of each sample.

    Attributes:
        lost: why the process could not be read any more, which ends the load; empty while it could.
    """

    held: Callable[[], Mapping[str, float]]
    every_s: float
    told: Watch
    samples: list[dict[str, Any]] = field(default_factory=list)
    lost: str = ""

    async def watch(self, generator: Generator) -> None:
        """Until cancelled, or until the process is gone."""
        loop, seen = asyncio.get_running_loop(), 0
        began = loop.time()
        while True:
            await asyncio.sleep(began + self.every_s * (len(self.samples) + 1) - loop.time())
            fresh, seen = generator.records[seen:], len(generator.records)
            took_ms = [record.e2e_s * 1e3 for record in fresh if record.error is None]
            p50_ms, p99_ms = np.percentile(took_ms, (50, 99)).tolist() if took_ms else (None, None)
            try:
                held = await asyncio.to_thread(self.held)
            except CannotMeasure as error:
                self.lost = str(error)
                generator.stop()
                return
            answers = {"p50_ms": p50_ms, "p99_ms": p99_ms, "answers": len(took_ms), "errors": len(fresh) - len(took_ms)}
            self.samples.append({"at_s": loop.time() - began, **held, **answers})
            self.told(self.samples[-1])


def summarise(
    run: LoadRun,
    samples: Sequence[Mapping[str, Any]],
    *,
    slo: Slo,
    tolerance: float = TOLERANCE,
    warm_up: float = WARM_UP,
) -> dict[str, Any]:
    """The trends and the verdict; `leaks` names what grows, and is empty for a service that stays as it is.

    Args:
        run: the load.
        samples: of `Sampler`.
        slo: of the load's goodput.
        tolerance: growth over the time looked at, as a share of the level, that is no leak.
        warm_up: part of the time at the beginning that does not count.
    """
    trends = {name: found for name in MEASURES if (found := _trend(samples, name, warm_up)) is not None}
    load = report.summary(run, slo)
    kept = (
        "requests",
        "errors",
        "offered_rps",
        "achieved_rps",
        "goodput_rps",
        "ttft_ms",
        "e2e_ms",
        "cache",
        "degraded",
    )
    return {
        "minutes": (samples[-1]["at_s"] if samples else run.window_s) / 60,
        "samples": len(samples),
        "tolerance": tolerance,
        "warm_up": warm_up,
        "leaks": [name for name, found in trends.items() if grows(found, tolerance)],
        "judged": set(trends) >= set(MEASURES),
        "trends": trends,
        **{name: load[name] for name in (*kept, "interrupted", "valid", "invalid_reasons")},
    }


def _trend(samples: Sequence[Mapping[str, Any]], name: str, warm_up: float) -> dict[str, Any] | None:
    known = [(sample["at_s"] / 60, sample[name]) for sample in samples if sample[name] is not None]
    return trend([at for at, _ in known], [value for _, value in known], warm_up)
