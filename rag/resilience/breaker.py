"""The circuit breaker: stop calling what fails, try it again with a few calls, and say so.

The pattern is Nygard's ("Release It!", 2007); windows, slow calls and half-open permits follow resilience4j. pybreaker
keeps the state and tells its listeners; it decides nothing here, because its own call paths misjudge coroutines.
One event loop drives a breaker: it is not safe across threads.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import cast

from pybreaker import CircuitBreaker, CircuitBreakerListener, CircuitBreakerState, CircuitMemoryStorage

from rag.errors import BreakerOpen, ConfigError, DeadlineExceeded, Overloaded, ShuttingDown, SteadyragError, StorageFull
from rag.resilience.events import BreakerChanged, BreakerState, CallRejected, Observer
from rag.resilience.window import Window
from rag.types import Clock
from router.errors import ModelOverloaded, ModelRejected

#: Errors that say nothing against the dependency: our own refusals, and the limits that it states.
BLAMELESS = (BreakerOpen, DeadlineExceeded, ModelOverloaded, ModelRejected, Overloaded, ShuttingDown, StorageFull)
#: Doublings of the open time after which the cap has long been reached; keeps the power finite.
MAX_DOUBLINGS = 32


def blames_dependency(error: Exception) -> bool:
    """Whether the error is the dependency's failure, and not the caller's fault (a status below 500)."""
    callers_fault = isinstance(error, SteadyragError) and error.status < 500
    return not callers_fault and not isinstance(error, BLAMELESS)


@dataclass(frozen=True, slots=True)
class BreakerConfig:
    """When to open, for how long, and how to come back.

    The defaults open within 20 failed calls when half of the calls fail, and stay closed at one failure in a hundred:
    6 of 20 is the least that opens, a chance of 4 in 10**8 a call.

    Attributes:
        window_s: how far back outcomes count, seconds.
        window_calls: how many outcomes count at most.
        min_calls: fewer outcomes than this never open it.
        failure_rate: share of failed calls, 0..1, that opens it.
        slow_rate: share of slow calls, 0..1, that opens it.
        slow_s: a success that took this long or longer is slow, seconds.
        half_open_permits: trials that may run at once.
        half_open_successes: trials that must pass to close it; one that fails or is slow opens it again.
        open_s: upper bound of the first open time, seconds; doubled each time a trial fails.
        open_max_s: upper bound of every open time, seconds.
        is_failure: whether an error is the dependency's failure; others, and a caller's cancellation, are neutral.
        enabled: False counts and never opens, unless forced.
    """

    window_s: float = 20.0
    window_calls: int = 40
    min_calls: int = 20
    failure_rate: float = 0.3
    slow_rate: float = 0.5
    slow_s: float = 1.0
    half_open_permits: int = 3
    half_open_successes: int = 3
    open_s: float = 1.0
    open_max_s: float = 5.0
    is_failure: Callable[[Exception], bool] = blames_dependency
    enabled: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.min_calls <= self.window_calls:
            raise ConfigError("a breaker's min_calls must lie between 1 and window_calls, or it never opens")
        if min(self.half_open_permits, self.half_open_successes) < 1:
            raise ConfigError("a breaker needs at least one half-open permit and one success to close again")


@dataclass(frozen=True, slots=True)
class BreakerSnapshot:
    """A breaker as operators see it.

    Attributes:
        calls: outcomes in the window; `failures` and `slow` of them failed or were slow.
        last_error: type of the last error that counted, never its text.
        probe_in_s: seconds until an open breaker tries again; None in other states.
        forced_for_s: seconds for which an operator's word still holds; None without one.
    """

    name: str
    state: BreakerState
    calls: int
    failures: int
    slow: int
    failure_rate: float
    slow_rate: float
    last_error: str | None
    probe_in_s: float | None
    forced_for_s: float | None


class Breaker:
    """The breaker of one dependency or target.

    `acquire` before a call, then tell the permit how it went. Only the first word counts, and only in the state that
    gave the permit out: what ends after a change of state changes nothing.

    Args:
        name: the dependency or target, as operators see it.
        config: the thresholds.
        clock: the source of time.
        on_event: told of `BreakerChanged` and `CallRejected`; must not raise.
        rng: uniform numbers in [0, 1), for the jitter.
    """

    def __init__(
        self,
        name: str,
        config: BreakerConfig,
        clock: Clock,
        on_event: Observer,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.config = config
        self._monotonic = clock.monotonic
        self._on_event = on_event
        self._rng = rng
        self.circuit = CircuitBreaker(
            name=name, state_storage=CircuitMemoryStorage("closed"), listeners=[_Follower(self)]
        )
        self._state: BreakerState = "closed"
        self._window = Window(config.window_s, config.window_calls)
        self._epoch = 0
        self._trials = 0
        self._passed = 0
        self._openings = 0
        self._probe_at = self._forced_until = -math.inf
        self._last_error: str | None = None

    @property
    def state(self) -> BreakerState:
        """The state; an open breaker turns half-open with the first call that is due to try."""
        return self._state

    def acquire(self) -> Permit:
        """Permission for one call.

        Raises:
            BreakerOpen: open, or half-open with all permits out; nothing may be sent.
        """
        if self._state != "closed":
            self.check()
            if self._state == "open":
                self._move("half-open", "probe-due")
            self._trials += 1
        return Permit(self, self._epoch, self._monotonic())

    def check(self) -> None:
        """Raise what `acquire` would raise at this moment, without taking a permit."""
        if self._state == "closed":
            return
        wait_s = self._probe_at - self._monotonic() if self._state == "open" else 0.0
        if wait_s > 0 or (self._state == "half-open" and self._trials >= self.config.half_open_permits):
            self._on_event(CallRejected(self.name, self._state))
            raise BreakerOpen(f"{self.name} is not called while it recovers").after(wait_s)

    def force(self, state: BreakerState, for_s: float) -> None:
        """Hold the breaker open or closed for `for_s` seconds, whatever calls say; then it judges for itself again.

        Held open, it ends with a probe. `for_s` = 0 only sets the state: closed at once, or a probe at once.

        Raises:
            ValueError: a state that cannot be held, or a time that is not a finite number from 0.
        """
        if state == "half-open" or not 0 <= for_s < math.inf:
            raise ValueError(f"cannot hold a breaker {state} for {for_s} s")
        self._forced_until = self._probe_at = self._monotonic() + for_s
        self._openings = 0
        self._move(state, "forced")

    def blames(self, error: BaseException) -> bool:
        """Whether the error is the dependency's failure; cancellation never is."""
        return isinstance(error, Exception) and self.config.is_failure(error)

    def snapshot(self) -> BreakerSnapshot:
        """The breaker at this moment."""
        now, window = self._monotonic(), self._window
        window.expire(now)
        calls = len(window)
        return BreakerSnapshot(
            name=self.name,
            state=self._state,
            calls=calls,
            failures=window.failures,
            slow=window.slow,
            failure_rate=window.failures / max(calls, 1),
            slow_rate=window.slow / max(calls, 1),
            last_error=self._last_error,
            probe_in_s=max(0.0, self._probe_at - now) if self._state == "open" else None,
            forced_for_s=self._forced_until - now if now < self._forced_until else None,
        )

    def _succeeded(self, duration_s: float) -> None:
        slow = duration_s >= self.config.slow_s
        if self._state == "closed":
            self._count(slow=slow)
        elif slow:
            self._open("probe-slow")
        else:
            self._trials -= 1
            self._passed += 1
            if self._passed >= self.config.half_open_successes:
                self._openings = 0
                self._move("closed", "probes-passed")

    def _failed(self, error: BaseException | None) -> None:
        self._last_error = type(error).__name__ if error is not None else self._last_error
        if self._state == "closed":
            self._count(failed=True)
        else:
            self._open("probe-failed")

    def _released(self) -> None:
        if self._state == "half-open":
            self._trials -= 1

    def _count(self, *, failed: bool = False, slow: bool = False) -> None:
        now = self._monotonic()
        self._window.add(now, failed=failed, slow=slow)
        if (failed or slow) and self.config.enabled and now >= self._forced_until:
            self._judge(now)

    def _judge(self, now: float) -> None:
        window, config = self._window, self.config
        window.expire(now)
        calls = len(window)
        if calls < config.min_calls:
            return
        if window.failures >= config.failure_rate * calls:
            self._open("failure-rate")
        elif window.slow >= config.slow_rate * calls:
            self._open("slow-rate")

    def _open(self, reason: str) -> None:
        """Open for d/2 .. d, d doubling up to the cap: AWS's "equal jitter", which keeps a least pause."""
        ceiling_s = min(self.config.open_max_s, self.config.open_s * 2.0 ** min(self._openings, MAX_DOUBLINGS))
        self._openings += 1
        self._probe_at = self._monotonic() + ceiling_s * (1 + self._rng()) / 2
        self._move("open", reason)

    def _move(self, state: BreakerState, reason: str) -> None:
        old, circuit = self._state, self.circuit
        {"open": circuit.open, "half-open": circuit.half_open, "closed": circuit.close}[state]()
        open_for_s = self._probe_at - self._monotonic() if state == "open" else None
        self._on_event(BreakerChanged(self.name, old, state, reason, open_for_s))

    def _enter(self, state: BreakerState) -> None:
        self._state = state
        self._epoch += 1
        self._trials = self._passed = 0
        self._window.clear()


class _Follower(CircuitBreakerListener):
    """Keeps our copy of the state equal to pybreaker's: reading its own takes a lookup through the storage."""

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker

    def state_change(
        self, cb: CircuitBreaker, old_state: CircuitBreakerState | None, new_state: CircuitBreakerState
    ) -> None:
        self._breaker._enter(cast(BreakerState, new_state.name))


class Permit:
    """Permission for one call, to be settled once; whatever is told after the first word changes nothing.

    As a context manager it settles itself: success with the time since `acquire`, failure, or release for an error
    that is not the dependency's and for cancellation.
    """

    __slots__ = ("_breaker", "_epoch", "_pending", "_started", "_streaming")

    def __init__(self, breaker: Breaker, epoch: int, started: float) -> None:
        self._breaker = breaker
        self._epoch = epoch
        self._started = started
        self._pending = True
        self._streaming = False

    def success(self, duration_s: float | None = None) -> None:
        """The call succeeded; `duration_s` (default: since `acquire`) tells whether it was slow.

        For a stream that is the time to the first item: the length of a healthy generation is no fault.
        """
        if self._settle():
            self._streaming = True
            self._breaker._succeeded(self._breaker._monotonic() - self._started if duration_s is None else duration_s)

    def failure(self, error: BaseException | None = None) -> None:
        """The dependency failed the call."""
        if self._settle():
            self._breaker._failed(error)

    def release(self) -> None:
        """The call says nothing (more) about the dependency: cancelled, or refused for a reason of the caller's."""
        self._streaming = False
        if self._settle():
            self._breaker._released()

    def broke(self, error: BaseException | None = None) -> None:
        """The stream whose start was a success died on the way: one more call, a failed one."""
        if self._streaming and self._epoch == self._breaker._epoch:
            self._streaming = False
            self._breaker._failed(error)

    def __enter__(self) -> Permit:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.success()
        elif self._breaker.blames(error):
            self.broke(error)
            self.failure(error)
        else:
            self.release()

    def _settle(self) -> bool:
        """Whether this is the first word, and of the breaker's present epoch."""
        first, self._pending = self._pending, False
        return first and self._epoch == self._breaker._epoch
