"""How many concurrent calls a dependency bears, learned from their latency.

The gradient of Netflix's concurrency-limits ("Performance Under Load", 2018): the limit, times the latency without
load, over the latency at present, is the concurrency at which no call queues. The latency without load is measured as
in Envoy's adaptive concurrency filter: by lowering the limit for a moment every so often. (A running minimum would take
noise for load, and a running average would in time take a lasting overload for normal.)

Service times scatter, so a decision waits until the mean is known to `precision`, or for a few turnovers at most, and
then allows for what is still uncertain. With fixed service times that uncertainty is nil and decisions are quick.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rag.errors import ConfigError

#: Standard errors by which two means must differ: one false alarm in about twenty comparisons.
CERTAINTY = 2.0
#: Growth of a limit L in a round: sqrt(L), the noise of a Poisson number, until the first sign of load; then a quarter.
RAMP, CREEP = 1.0, 0.25
#: A limit falls at most to this share in a round: one round may have been a hiccup.
STEEPEST_FALL = 0.5


@dataclass(frozen=True, slots=True)
class GradientConfig:
    """Bounds and pace of the limit. Equal `min_limit` and `max_limit` make a fixed bulkhead.

    Attributes:
        min_limit: the limit never falls below it.
        max_limit: the limit never rises above it.
        initial_limit: where it starts, within the bounds.
        tolerance: latency over that without load up to which the limit grows.
        min_samples: calls that a round measures at least; it also measures at least as many as the limit.
        max_turnovers: multiple of the limit at which a round ends even if its mean is still uncertain.
        precision: standard error of a mean, relative to it, that is certain enough.
        probe_every: rounds under load between two measurements of the latency without load.
        probe_share: share of the limit allowed during such a measurement.
        backoff: factor on the limit when a call times out or is refused for load (CUBIC's 0.7, RFC 9438).
    """

    min_limit: int = 1
    max_limit: int = 256
    initial_limit: int = 10
    tolerance: float = 1.1
    min_samples: int = 5
    max_turnovers: int = 5
    precision: float = 0.1
    probe_every: int = 20
    probe_share: float = 0.75
    backoff: float = 0.7

    def __post_init__(self) -> None:
        if not 1 <= self.min_limit <= self.max_limit:
            raise ConfigError("a limiter needs 1 <= min_limit <= max_limit")


class Mean:
    """A running mean that knows how uncertain it is."""

    __slots__ = ("_squares", "_sum", "count")

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0.0
        self._squares = 0.0

    def add(self, value: float) -> None:
        """Take in one value."""
        self.count += 1
        self._sum += value
        self._squares += value * value

    @property
    def value(self) -> float:
        """The mean; 0 of nothing."""
        return self._sum / self.count if self.count else 0.0

    @property
    def error(self) -> float:
        """The standard error, relative to the mean; 0 of nothing."""
        mean = self.value
        variance = self._squares / self.count - mean * mean if mean else 0.0
        return math.sqrt(max(0.0, variance) / self.count) / mean if variance > 0 else 0.0


class GradientLimit:
    """The limit, reconsidered once a round.

    A round begins with the calls in flight, which ran under another limit and are passed over, and ends when enough of
    those that followed have been measured: each move of the limit sees the effect of the one before.

    Attributes:
        in_flight: calls let in and not yet over.
        latency: of the last round, seconds.
        baseline: latency without load, seconds; None until measured.
    """

    def __init__(self, config: GradientConfig) -> None:
        self.in_flight = 0
        self.latency = Mean()
        self.baseline: Mean | None = None
        self._config = config
        self._limit = self._within(config.initial_limit)
        self._ramping = True
        self._probing = False
        self._until_probe = 0
        self._probed_at_limit = 0.0
        self._saturated = self._was_saturated = False
        self._round = Mean()
        self._carried = self._peak = 0

    @property
    def limit(self) -> int:
        """Concurrent calls allowed at this moment."""
        return max(self._config.min_limit, int(self._limit * self._config.probe_share)) if self._probing else self.full

    @property
    def full(self) -> int:
        """Concurrent calls allowed when no measurement holds them back."""
        return int(self._limit)

    def enter(self) -> None:
        """A call is let in."""
        self.in_flight += 1
        self._peak = max(self._peak, self.in_flight)

    def saturate(self) -> None:
        """A call found no place. What was measured before, when there was room, says nothing about the full limit."""
        if not (self._saturated or self._was_saturated):
            self._restart()
        self._saturated = True

    def leave(self, latency_s: float | None = None, *, overloaded: bool = False) -> None:
        """A call is over: with the latency of a success, or timed out or refused for load, or neither."""
        self.in_flight -= 1
        if self._carried:
            self._carried -= 1
        elif overloaded:
            self._limit = self._within(self._limit * self._config.backoff)
            self._ramping = True
            self._next_round()
        elif latency_s is not None:
            self._round.add(latency_s)
            if self._is_measured():
                self._close_round()

    def _is_measured(self) -> bool:
        config, count = self._config, self._round.count
        if count < max(config.min_samples, self.limit):
            return False
        return count >= config.max_turnovers * self.limit or self._round.error <= config.precision

    def _close_round(self) -> None:
        self.latency = self._round
        if self._probing:
            self._take_baseline()
        elif not self._saturated and 2 * self._peak <= self._limit:
            self.baseline = self._round
        else:
            self._move()
        self._next_round()

    def _move(self) -> None:
        """Follow the gradient; then probe when it is time, or when the limit has halved: has the dependency slowed?"""
        if self.baseline is not None:
            if self._is_above(self.latency, self.baseline):
                gradient = self.baseline.value / self.latency.value
                certain = gradient * (1 + _doubt(self.latency, self.baseline))
                self._limit = self._within(self._limit * max(STEEPEST_FALL, certain))
                self._ramping = False
            elif self._saturated:
                self._limit = self._within(self._limit + math.sqrt(self._limit) * (RAMP if self._ramping else CREEP))
        self._until_probe -= 1
        self._probing = self._until_probe < 0 or 2 * self._limit < self._probed_at_limit

    def _take_baseline(self) -> None:
        """The probe is over. Where it still lowered the latency, calls queued even then: the next probe goes lower."""
        old, self.baseline = self.baseline, self._round
        queued = old is None or self._is_above(old, self.baseline)
        self._ramping |= old is not None and self._is_above(self.baseline, old)
        self._until_probe = 0 if queued else self._config.probe_every
        self._probing = False
        self._probed_at_limit = self._limit

    def _is_above(self, one: Mean, other: Mean) -> bool:
        return one.value > other.value * (self._config.tolerance + _doubt(one, other))

    def _within(self, limit: float) -> float:
        return min(max(limit, self._config.min_limit), self._config.max_limit)

    def _next_round(self) -> None:
        self._was_saturated, self._saturated = self._saturated, False
        self._restart()

    def _restart(self) -> None:
        self._round = Mean()
        self._carried = self._peak = self.in_flight


def _doubt(one: Mean, other: Mean) -> float:
    """How far the ratio of the two may be off, by chance."""
    return CERTAINTY * math.hypot(one.error, other.error)
