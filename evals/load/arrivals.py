"""When requests are sent: pure functions from a rate, or a recorded trace, to send times in seconds from the start.

Open-loop arrivals do not depend on replies (Schroeder, Wierman, Harchol-Balter, "Open versus closed: a cautionary
tale", NSDI 2006). Every shape here is one unit-rate process warped by the inverse of the cumulative rate (Lewis and
Shedler 1979): regular units give constant spacing, exponential units a Poisson process, whatever the rate does.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from evals.errors import CannotMeasure


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time over which the rate goes linearly from one value to another.

    Raises:
        CannotMeasure: a duration that is not positive, or rates that are negative or both zero.
    """

    duration_s: float
    from_rps: float
    to_rps: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.expected) and self.duration_s > 0 and min(self.from_rps, self.to_rps) >= 0):
            raise CannotMeasure("a duration must be positive and a rate must not be negative")
        if self.expected == 0:
            raise CannotMeasure("a rate of 0 sends nothing")

    @property
    def expected(self) -> float:
        """Requests that the segment sends on average."""
        return self.duration_s * (self.from_rps + self.to_rps) / 2

    def when(self, n: float) -> float:
        """Seconds into the segment at which `n` requests are expected; 0 <= n < expected."""
        slope = (self.to_rps - self.from_rps) / self.duration_s
        # The root of from*t + slope*t^2/2 = n in the form that also holds for a slope of 0.
        divisor = self.from_rps + math.sqrt(self.from_rps**2 + 2 * slope * n)
        return 2 * n / divisor if divisor else 0.0


def constant(rate_rps: float, duration_s: float) -> Iterator[float]:
    """Evenly spaced, the first at 0."""
    return _warp(itertools.count(), [Segment(duration_s, rate_rps, rate_rps)])


def poisson(rate_rps: float, duration_s: float, seed: int) -> Iterator[float]:
    """Independent users: exponential gaps with a mean of 1/rate."""
    return varying([Segment(duration_s, rate_rps, rate_rps)], seed)


def step(from_rps: float, to_rps: float, duration_s: float, seed: int) -> Iterator[float]:
    """Poisson at one rate for the first half of the time, at the other for the second."""
    return varying([Segment(duration_s / 2, rate, rate) for rate in (from_rps, to_rps)], seed)


def ramp(from_rps: float, to_rps: float, duration_s: float, seed: int) -> Iterator[float]:
    """Poisson with a rate that goes linearly from one value to the other."""
    return varying([Segment(duration_s, from_rps, to_rps)], seed)


def varying(segments: Sequence[Segment], seed: int) -> Iterator[float]:
    """Poisson with the rate of each segment in turn."""
    rng = random.Random(f"{seed}/arrivals")  # noqa: S311 - repeatable by design
    return _warp(itertools.accumulate(rng.expovariate(1.0) for _ in itertools.count()), segments)


def replay(times_s: Iterable[float], speed: float) -> Iterator[float]:
    """Recorded times, from the first one on, `speed` times as fast.

    Raises:
        CannotMeasure: the speed is not positive.
    """
    if not speed > 0:
        raise CannotMeasure("the speed of a trace must be positive")
    recorded = iter(times_s)
    first = next(recorded, 0.0)
    return ((t - first) / speed for t in itertools.chain([first], recorded))


def spread(times_s: Iterable[float]) -> Iterator[float]:
    """Recorded times, those of one tick of the recorder's clock spread evenly up to the next tick.

    A clock of 3 s is no burst every 3 s. What falls on the last tick stays there.
    """
    ticks = [(tick, sum(1 for _ in same)) for tick, same in itertools.groupby(times_s)]
    ends = [tick for tick, _ in ticks[1:]] + [ticks[-1][0] for _ in ticks[-1:]]
    for (tick, count), end in zip(ticks, ends, strict=True):
        yield from (tick + (end - tick) * place / count for place in range(count))


def _warp(units: Iterable[float], segments: Sequence[Segment]) -> Iterator[float]:
    """Times at which the cumulative rate of the segments reaches each of the endless, rising `units`."""
    rising = iter(units)
    unit, start_s, passed = next(rising), 0.0, 0.0
    for segment in segments:
        while (n := unit - passed) < segment.expected:
            yield start_s + segment.when(n)
            unit = next(rising)
        start_s += segment.duration_s
        passed += segment.expected
