"""From the options of a load run to everything that it will send."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from evals.errors import CannotMeasure
from evals.load import arrivals
from evals.load.questions import DEFAULT_QUESTIONS, read_questions, zipf
from evals.load.records import Shot
from evals.load.reuse import about_passages, ask
from evals.load.traces import TraceRequest, read_trace


class Arrivals(StrEnum):
    """The shapes of an arrival process; see `arrivals`."""

    POISSON = "poisson"
    CONSTANT = "constant"
    STEP = "step"
    RAMP = "ramp"


@dataclass(frozen=True, slots=True)
class LatencyOptions:
    """What to send, where, and when.

    Attributes:
        rate_rps: requests per second; with a trace, the mean rate that it is brought to in place of `speed`.
        duration_s: for how long; None with a trace sends all of it.
        from_rps: where step and ramp begin; None is a tenth of the rate.
        trace: recorded times, sent `speed` times as fast, each with its recorded answer length as `max_tokens`.
        corpus: documents that questions are made of in place of `questions`.
        zipf_s: exponent of the questions' popularity; 0 is uniform. A trace with prompt hashes has its own.
        extra: further fields of each request's body.
    """

    url: str
    rate_rps: float | None = None
    duration_s: float | None = None
    arrivals: Arrivals = Arrivals.POISSON
    from_rps: float | None = None
    trace: Path | None = None
    speed: float = 1.0
    questions: Path | None = None
    corpus: Path | None = None
    zipf_s: float = 0.0
    seed: int = 0
    stream: bool = True
    model: str = "steadyrag"
    max_tokens: int | None = None
    timeout_s: float = 60.0
    max_in_flight: int = 10_000
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_config(self) -> dict[str, Any]:
        """Plain values, for a run folder."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will be sent, in the order of time, and for how long sending goes on."""

    shots: list[Shot]
    window_s: float


def plan(options: LatencyOptions) -> Plan:
    """What the options ask for; the same seed gives the same plan.

    Raises:
        CannotMeasure: the options contradict each other, or a file cannot be used.
    """
    groups = _groups(options)
    if options.trace is None:
        times, window_s = _generated(options)
        drawn = _drawn(groups, options)
    else:
        trace = read_trace(options.trace)
        times, window_s = _recorded(options, trace)
        hashed = any(request.hash_ids for request in trace)
        drawn = iter(ask(trace[: len(times)], groups, options.seed)) if hashed else _drawn(groups, options)
    shots = [
        Shot(at_s, question, f"load-{options.seed}-{number}", max_tokens)
        for number, ((at_s, max_tokens), question) in enumerate(zip(times, drawn, strict=False))
    ]
    return Plan(shots, window_s)


def _groups(options: LatencyOptions) -> Sequence[Sequence[str]]:
    """Questions on one subject each."""
    if options.corpus is not None and options.questions is not None:
        raise CannotMeasure("give --questions or --corpus, not both")
    if options.corpus is not None:
        return about_passages(options.corpus)
    return [[text] for text in (DEFAULT_QUESTIONS if options.questions is None else read_questions(options.questions))]


def _drawn(groups: Sequence[Sequence[str]], options: LatencyOptions) -> Iterator[str]:
    return zipf(list(itertools.chain.from_iterable(groups)), options.zipf_s, options.seed)


#: Send time and bound of the answer's tokens.
_Times = list[tuple[float, int | None]]


def _generated(options: LatencyOptions) -> tuple[_Times, float]:
    rate_rps, duration_s, seed = options.rate_rps, options.duration_s, options.seed
    if rate_rps is None or duration_s is None:
        raise CannotMeasure("give --rate and --duration, or --trace")
    from_rps = rate_rps / 10 if options.from_rps is None else options.from_rps
    times_s = {
        Arrivals.CONSTANT: lambda: arrivals.constant(rate_rps, duration_s),
        Arrivals.POISSON: lambda: arrivals.poisson(rate_rps, duration_s, seed),
        Arrivals.STEP: lambda: arrivals.step(from_rps, rate_rps, duration_s, seed),
        Arrivals.RAMP: lambda: arrivals.ramp(from_rps, rate_rps, duration_s, seed),
    }[options.arrivals]()
    return [(at_s, options.max_tokens) for at_s in times_s], duration_s


def _recorded(options: LatencyOptions, trace: Sequence[TraceRequest]) -> tuple[_Times, float]:
    limit_s = math.inf if options.duration_s is None else options.duration_s
    if not limit_s > 0:
        raise CannotMeasure("--trace goes with a positive --duration or none")
    recorded_s = list(arrivals.spread(request.t_s for request in trace))
    times_s = arrivals.replay(recorded_s, _speed(options, recorded_s))
    times: _Times = [
        (at_s, options.max_tokens or request.output_tokens)
        for at_s, request in zip(times_s, trace, strict=True)
        if at_s < limit_s
    ]
    # Rates are per second, so a trace that is over at once counts as one second.
    return times, limit_s if len(times) < len(trace) else max(times[-1][0], 1.0)


def _speed(options: LatencyOptions, recorded_s: Sequence[float]) -> float:
    """How many times as fast the trace is sent. A rate holds for as many requests as it sends in the duration."""
    if options.rate_rps is None:
        return options.speed
    last = len(recorded_s) - 1
    if options.duration_s is not None:
        last = min(last, max(1, int(options.rate_rps * options.duration_s)))
    span_s = recorded_s[last] - recorded_s[0]
    if not (options.rate_rps > 0 and span_s > 0):
        raise CannotMeasure("a trace is brought to a positive --rate where it has a length")
    return span_s * options.rate_rps / last
