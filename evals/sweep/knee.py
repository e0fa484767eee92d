"""From the runs of a sweep to what the service sustains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Point:
    """A run at one rate.

    Attributes:
        attained: share of the requests sent that met the objective, errors and refusals counted as misses.
        kept: whether that share is what was asked for.
        invalid_reasons: why the run says more of the generator than of the service.
    """

    rate_rps: float
    achieved_rps: float
    goodput_rps: float
    attained: float
    kept: bool
    errors: int
    ttft_ms: Mapping[str, float | None]
    e2e_ms: Mapping[str, float | None]
    invalid_reasons: Sequence[str] = ()

    @classmethod
    def of(cls, rate_rps: float, summary: Mapping[str, Any], target: float) -> Point:
        """The point of a run of `eval latency`.

        Args:
            rate_rps: asked for; what was offered differs by chance.
            summary: the run's figures.
            target: share of the requests that must meet the objective.
        """
        attained = summary["good"] / summary["requests"] if summary["requests"] else 0.0
        return cls(
            rate_rps=rate_rps,
            achieved_rps=summary["achieved_rps"],
            goodput_rps=summary["goodput_rps"],
            attained=attained,
            kept=attained >= target,
            errors=summary["errors"],
            ttft_ms=summary["ttft_ms"],
            e2e_ms=summary["e2e_ms"],
            invalid_reasons=tuple(summary["invalid_reasons"]),
        )


def sustainable(points: Sequence[Point]) -> Point | None:
    """The highest rate below every rate that broke the objective; None if the lowest did."""
    broken = min((point.rate_rps for point in points if not point.kept), default=np.inf)
    return max((point for point in points if point.rate_rps < broken), key=lambda point: point.rate_rps, default=None)


def knee(points: Sequence[Point]) -> Point | None:
    """Where throughput over latency, the power of Kleinrock (1979), is greatest: past it waiting outgrows the gain.

    Among the rates that were measured, by the median latency; None when nothing was answered.
    """
    answering = [point for point in points if point.e2e_ms["p50"]]
    return max(answering, key=lambda point: point.achieved_rps / (point.e2e_ms["p50"] or np.inf), default=None)


def operating_point(points: Sequence[Point], headroom: float) -> dict[str, Any] | None:
    """Where to run: the sustainable rate less the headroom, with the latencies expected there.

    Latencies are interpolated between the rates that were measured; None if no rate is sustainable.

    Args:
        points: of the sweep.
        headroom: part of the sustainable rate that is kept free for bursts, 0 to below 1.
    """
    most = sustainable(points)
    if most is None:
        return None
    rate_rps = most.rate_rps * (1 - headroom)
    answering = sorted((point for point in points if point.e2e_ms["p50"]), key=lambda point: point.rate_rps)
    rates = [point.rate_rps for point in answering]

    def at(values: Sequence[float | None]) -> float:
        return float(np.interp(rate_rps, rates, np.array(values, float)))

    return {
        "rate_rps": rate_rps,
        "headroom": headroom,
        "ttft_ms": {name: at([point.ttft_ms[name] for point in answering]) for name in ("p50", "p99")},
        "e2e_ms": {name: at([point.e2e_ms[name] for point in answering]) for name in ("p50", "p99")},
    }


def summarise(points: Sequence[Point], headroom: float) -> dict[str, Any]:
    """The figures of a sweep; `broke` tells whether it went far enough to see the objective break."""
    most, turn = sustainable(points), knee(points)
    return {
        "points": [asdict(point) for point in sorted(points, key=lambda point: point.rate_rps)],
        "max_sustainable_rps": most and most.rate_rps,
        "broke": any(not point.kept for point in points),
        "knee_rps": turn and turn.rate_rps,
        "operating_point": operating_point(points, headroom),
        "valid": not any(point.invalid_reasons for point in points),
    }
