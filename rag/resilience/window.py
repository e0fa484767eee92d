"""The recent past that a breaker judges by."""

from __future__ import annotations

from collections import deque


class Window:
    """The outcomes of the last `span_s` seconds, at most the last `max_calls` of them.

    The bound in time lets an incident be forgotten; the bound in number keeps the reaction at high rates as quick as
    at low ones (a hundred thousand healthy calls do not outvote the outage that follows them) and the memory small.

    Attributes:
        failures: failed calls in the window.
        slow: calls in the window that succeeded too slowly.
    """

    __slots__ = ("_outcomes", "_span_s", "failures", "slow")

    def __init__(self, span_s: float, max_calls: int) -> None:
        self._span_s = span_s
        self._outcomes: deque[tuple[float, bool, bool]] = deque(maxlen=max_calls)
        self.failures = 0
        self.slow = 0

    def __len__(self) -> int:
        return len(self._outcomes)

    def add(self, now: float, *, failed: bool = False, slow: bool = False) -> None:
        """Take in a call that ended at `now` (seconds, never falling)."""
        if len(self._outcomes) == self._outcomes.maxlen:
            self._drop_oldest()
        self._outcomes.append((now, failed, slow))
        self.failures += failed
        self.slow += slow

    def expire(self, now: float) -> None:
        """Forget what ended `span_s` or more before `now`."""
        horizon = now - self._span_s
        while self._outcomes and self._outcomes[0][0] <= horizon:
            self._drop_oldest()

    def clear(self) -> None:
        """Forget everything."""
        self._outcomes.clear()
        self.failures = self.slow = 0

    def _drop_oldest(self) -> None:
        _, failed, slow = self._outcomes.popleft()
        self.failures -= failed
        self.slow -= slow
