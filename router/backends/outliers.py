"""Replicas that are alive and yet not worth asking: much slower to their first token than the others, or failing.

Passive outlier ejection, as in Envoy ("Outlier detection", success rate and consecutive failures), by medians.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutlierConfig:
    """When a replica is ejected and for how long.

    Attributes:
        max_share: of the replicas, that may be ejected at once; so of one replica none ever is.
        failures: calls in a row that failed before their first token.
        factor: times the median of the other replicas, that a median time to the first token is too slow.
        slower_s: seconds by which it must be slower at least: less nobody notices.
        samples: latest first tokens that are looked at; half of them must be there for a judgement.
        ejected_s: seconds without requests; then it is judged afresh.
    """

    max_share: float = 0.5
    failures: int = 3
    factor: float = 3.0
    slower_s: float = 0.25
    samples: int = 20
    ejected_s: float = 20.0


@dataclass(slots=True)
class _Record:
    first_tokens_s: deque[float]
    failures: int = 0
    back_at: float = field(default=float("-inf"))


class Outliers:
    """Which replicas are ejected.

    Args:
        names: the replicas.
        config: what is judged.
        clock: seconds, never running backwards.
    """

    def __init__(self, names: Iterable[str], config: OutlierConfig, clock: Callable[[], float]) -> None:
        self._config = config
        self._clock = clock
        self._records = {name: _Record(deque(maxlen=config.samples)) for name in names}

    @property
    def ejected(self) -> frozenset[str]:
        """The replicas that are to get no requests."""
        moment = self._clock()
        return frozenset(name for name, record in self._records.items() if record.back_at > moment)

    def answered(self, name: str, first_token_s: float) -> None:
        """The replica's first token came after so many seconds."""
        record = self._records[name]
        record.failures = 0
        record.first_tokens_s.append(first_token_s)
        if self._slow(name):
            self._eject(name)

    def failed(self, name: str) -> None:
        """A call failed before its first token."""
        record = self._records[name]
        record.failures += 1
        if record.failures >= self._config.failures:
            self._eject(name)

    def _slow(self, name: str) -> bool:
        medians = self._medians()
        own = medians.pop(name, None)
        if own is None or not medians:
            return False
        usual = statistics.median(medians.values())
        return own > self._config.factor * usual and own - usual > self._config.slower_s

    def _medians(self) -> dict[str, float]:
        """Median seconds to the first token of each replica that can be judged."""
        ejected, needed = self.ejected, self._config.samples / 2
        return {
            name: statistics.median(record.first_tokens_s)
            for name, record in self._records.items()
            if name not in ejected and len(record.first_tokens_s) >= needed
        }

    def _eject(self, name: str) -> None:
        if len(self.ejected | {name}) <= self._config.max_share * len(self._records):
            self._records[name] = _Record(deque(maxlen=self._config.samples))
            self._records[name].back_at = self._clock() + self._config.ejected_s
