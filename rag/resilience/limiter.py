"""The adaptive concurrency limit: as many calls at once as the dependency bears, a short queue, the rest turned away.

A caller that cannot be served soon is told at once, while it can still go elsewhere: a queue that stays full adds
latency and nothing else (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 2012; Maurer, "Fail at Scale", ACM
Queue 2015). One event loop drives a limiter: it is not safe across threads.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from rag.errors import DependencyTimeout, Overloaded
from rag.resilience.events import LimitChanged, Observer, Shed
from rag.resilience.gradient import GradientConfig, GradientLimit
from rag.types import Clock, Priority
from router.errors import ModelOverloaded

#: Weight of one call in the running average of how long a place is held.
HELD_WEIGHT = 0.1


def signals_overload(error: BaseException) -> bool:
    """Whether the error tells of too much load: a timeout, or the dependency's own refusal."""
    return isinstance(error, DependencyTimeout | TimeoutError | Overloaded | ModelOverloaded)


@dataclass(frozen=True, slots=True)
class LimiterConfig:
    """The limit and the queue before it.

    Shares are shares of the limit, and at least one call. With the limit at the dependency's capacity, `queue` is the
    longest wait in units of one call's latency: 0.4 keeps wait and call together below twice the unloaded latency.

    Attributes:
        gradient: bounds and pace of the limit.
        queue: interactive callers that may wait.
        batch_queue: batch callers that may wait.
        batch_share: places that batch callers may take; the rest stays free for interactive ones.
        brief_s: a wait that nobody minds: interactive callers who may expect no longer one join a full queue, seconds.
            A burst of many times the limit is soon served where calls take milliseconds.
        max_wait_s: who would wait longer is turned away, whatever its own timeout, seconds.
        is_overload: which errors of a call make the limit fall.
        enabled: False lets everybody in at once.
    """

    gradient: GradientConfig = field(default_factory=GradientConfig)
    queue: float = 0.4
    batch_queue: float = 0.1
    batch_share: float = 0.85
    brief_s: float = 0.0
    max_wait_s: float = 1.0
    is_overload: Callable[[BaseException], bool] = signals_overload
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class LimiterSnapshot:
    """A limiter as operators see it; latencies in seconds, 0 and None until measured."""

    name: str
    limit: int
    in_flight: int
    waiting_interactive: int
    waiting_batch: int
    latency_s: float
    baseline_s: float | None


@dataclass(slots=True, eq=False)
class _Waiter:
    priority: Priority
    since: float
    granted: asyncio.Future[None]


class AdaptiveLimiter:
    """The limiter of one dependency, or of the service as a whole.

    It compares mean latencies, so it wants calls of one kind: what takes milliseconds or seconds by chance (hits and
    misses of a cache, say) belongs behind separate limiters.

    Args:
        name: what it protects, as operators see it.
        config: bounds and queue.
        clock: the source of time.
        on_event: told of `LimitChanged` and `Shed`; must not raise.
    """

    def __init__(self, name: str, config: LimiterConfig, clock: Clock, on_event: Observer) -> None:
        self.name = name
        self.config = config
        self._monotonic = clock.monotonic
        self._on_event = on_event
        self._gradient = GradientLimit(config.gradient)
        self._held_s: float | None = None
        self._waiting: dict[Priority, deque[_Waiter]] = {"interactive": deque(), "batch": deque()}

    def slot(self, *, timeout_s: float, priority: Priority = "interactive") -> Slot:
        """A place among the concurrent calls, held inside `async with`.

        Interactive callers go first; among equals, first come, first served. Entering raises `Overloaded`, with
        `retry_after_s`: at once when the queue is full or the expected wait is longer than `timeout_s` (seconds) or the
        limiter allows, and later when the actual wait was.
        """
        return Slot(self, priority, timeout_s)

    def snapshot(self) -> LimiterSnapshot:
        """The limiter at this moment."""
        gradient = self._gradient
        return LimiterSnapshot(
            name=self.name,
            limit=gradient.limit,
            in_flight=gradient.in_flight,
            waiting_interactive=len(self._waiting["interactive"]),
            waiting_batch=len(self._waiting["batch"]),
            latency_s=gradient.latency.value,
            baseline_s=gradient.baseline.value if gradient.baseline else None,
        )

    async def _enter(self, priority: Priority, timeout_s: float) -> None:
        if self._has_place(priority) or not self.config.enabled:
            self._gradient.enter()
            return
        self._gradient.saturate()
        self._require_room(priority, timeout_s)
        await self._wait(priority, timeout_s)

    def _leave(self, latency_s: float | None, error: BaseException | None) -> None:
        """Give the place back, and learn from the call if it has something to teach."""
        before = self._gradient.full
        refused = latency_s is None and error is not None and self.config.is_overload(error)
        self._gradient.leave(latency_s, overloaded=refused)
        if self._gradient.full != before:
            self._on_event(LimitChanged(self.name, before, self._gradient.full))
        self._serve_waiting()

    def _note_held(self, held_s: float) -> None:
        """Places held by streams are held far longer than the latency tells: the wait for one follows from this."""
        self._held_s = held_s if self._held_s is None else self._held_s + HELD_WEIGHT * (held_s - self._held_s)

    def _serve_waiting(self) -> None:
        for priority, queue in self._waiting.items():
            while queue and self._has_place(priority):
                waiter = queue.popleft()
                if not waiter.granted.done():
                    self._gradient.enter()
                    waiter.granted.set_result(None)

    def _has_place(self, priority: Priority) -> bool:
        share = 1.0 if priority == "interactive" else self.config.batch_share
        return self._gradient.in_flight < _at_least_one(share * self._gradient.limit)

    def _require_room(self, priority: Priority, timeout_s: float) -> None:
        wait_s = self._expected_wait_s(priority)
        if wait_s > min(timeout_s, self.config.max_wait_s):
            raise self._turn_away(priority, "would-wait-too-long")
        interactive = priority == "interactive"
        share = self.config.queue if interactive else self.config.batch_queue
        is_full = len(self._waiting[priority]) >= _at_least_one(share * self._gradient.full)
        if is_full and not (interactive and 0 < wait_s <= self.config.brief_s):
            raise self._turn_away(priority, "queue-full")

    def _expected_wait_s(self, priority: Priority) -> float:
        ahead = len(self._waiting["interactive"]) + (len(self._waiting["batch"]) if priority == "batch" else 0)
        return (ahead + 1) * (self._held_s or 0.0) / self._gradient.limit

    async def _wait(self, priority: Priority, timeout_s: float) -> None:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(priority, self._monotonic(), loop.create_future())
        self._waiting[priority].append(waiter)
        timer = loop.call_later(min(timeout_s, self.config.max_wait_s), self._give_up, waiter)
        try:
            await waiter.granted
        except BaseException:  # cancelled, closed or turned away: in no case may the place be lost
            self._abandon(waiter)
            raise
        finally:
            timer.cancel()

    def _give_up(self, waiter: _Waiter) -> None:
        """The waiter's time is over."""
        if not waiter.granted.done():
            self._waiting[waiter.priority].remove(waiter)
            waited_s = self._monotonic() - waiter.since
            waiter.granted.set_exception(self._turn_away(waiter.priority, "waited-too-long", waited_s))

    def _abandon(self, waiter: _Waiter) -> None:
        """The waiter's caller is gone, perhaps in the very moment in which it got its place."""
        if waiter in self._waiting[waiter.priority]:
            self._waiting[waiter.priority].remove(waiter)
        elif not waiter.granted.cancelled() and waiter.granted.exception() is None:
            self._leave(None, None)

    def _turn_away(self, priority: Priority, reason: str, waited_s: float = 0.0) -> Overloaded:
        self._on_event(Shed(self.name, priority, reason, waited_s))
        return Overloaded(f"{self.name} has no room for the call").after(self._expected_wait_s("batch"))


class Slot:
    """A place among the concurrent calls, for one use.

    Leaving without an error reports the time since entering as the call's latency. `measured` reports another one, such
    as a stream's time to its first item, which counts even if the caller then breaks off.
    """

    __slots__ = ("_latency_s", "_limiter", "_priority", "_started", "_teaches", "_timeout_s")

    def __init__(self, limiter: AdaptiveLimiter, priority: Priority, timeout_s: float) -> None:
        self._limiter = limiter
        self._priority: Priority = priority
        self._timeout_s = timeout_s
        self._latency_s: float | None = None
        self._teaches = True

    def unmeasured(self) -> None:
        """The call takes a place and teaches nothing: it is of another kind than those the limit is learnt from."""
        self._teaches = False

    def measured(self, latency_s: float) -> None:
        """The call's latency, seconds, where that is not the time for which the place is held."""
        self._latency_s = latency_s

    async def __aenter__(self) -> Slot:
        await self._limiter._enter(self._priority, self._timeout_s)
        self._started = self._limiter._monotonic()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        held_s = self._limiter._monotonic() - self._started
        if error is None and self._latency_s is None and self._teaches:
            self._latency_s = held_s
        self._limiter._note_held(held_s)
        self._limiter._leave(self._latency_s, error if self._teaches else None)


def _at_least_one(number: float) -> int:
    return max(1, round(number))
