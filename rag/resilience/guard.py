"""One wrapper for every call to a dependency: breaker, bulkhead, timeout, retries, events.

    guard = Guard.build("index:0", GuardConfig(), clock, on_event)
    hits = await guard.read(lambda left_s: shard.search(space, vector, 10, {}, timeout_s=left_s), timeout_s=0.2)
    chunks = guard.stream(lambda: backend.stream(prompt, timeout_s=30.0), timeout_s=30.0)

A caller of `stream` that may stop early closes it (`contextlib.aclosing`), which stops the dependency's work at once.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType
from typing import Final, NoReturn, TypeVar

from rag.errors import BreakerOpen, DeadlineExceeded, DependencyTimeout, Overloaded, SteadyragError
from rag.resilience.breaker import Breaker, BreakerConfig, Permit
from rag.resilience.events import CallFinished, Observer, Outcome
from rag.resilience.limiter import AdaptiveLimiter, LimiterConfig, Slot
from rag.resilience.retry import Retries, RetryBudget, RetryPolicy
from rag.tasks import Patience
from rag.types import Clock, Deadline, Priority

T = TypeVar("T")


class _Sentinel(Enum):
    END = auto()


_END: Final = _Sentinel.END


@dataclass(frozen=True, slots=True)
class GuardConfig:
    """The protections of one target; each can be switched off.

    Attributes:
        breaker: off by its `enabled`.
        limiter: off by its `enabled`.
        timeouts: False lets calls take as long as they like.
        retry: off by one attempt.
        retry_tokens: size of the budget for retries; infinite = no bound.
    """

    breaker: BreakerConfig = field(default_factory=BreakerConfig)
    limiter: LimiterConfig = field(default_factory=LimiterConfig)
    timeouts: bool = True
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    retry_tokens: float = 10.0


class Guard:
    """Guards the calls to one target.

    A call passes the breaker's check, waits for a slot, takes the breaker's permit and runs under the timeout. The
    dependency's own errors come out unchanged. Targets that share a capacity share a limiter.

    Args:
        name: the target, as operators see it.
        breaker: the target's breaker.
        limiter: the limiter of the target or of the dependency that it belongs to.
        retries: how what is safe to repeat is repeated.
        clock: the source of time.
        on_event: told of `CallFinished`; must not raise.
        timeouts: False lets calls take as long as they like.
    """

    def __init__(
        self,
        name: str,
        *,
        breaker: Breaker,
        limiter: AdaptiveLimiter,
        retries: Retries,
        clock: Clock,
        on_event: Observer,
        timeouts: bool = True,
    ) -> None:
        self.name = name
        self.breaker = breaker
        self.limiter = limiter
        self._retries = retries
        self._clock = clock
        self._monotonic = clock.monotonic
        self._on_event = on_event
        self._timeouts = timeouts
        self._trials: set[asyncio.Task[None]] = set()

    @classmethod
    def build(
        cls,
        name: str,
        config: GuardConfig,
        clock: Clock,
        on_event: Observer,
        rng: Callable[[], float] = random.random,
    ) -> Guard:
        """A guard with a breaker, a limiter and a budget of its own; `rng` gives uniform numbers in [0, 1)."""
        budget = RetryBudget(clock, max_tokens=config.retry_tokens)
        return cls(
            name,
            breaker=Breaker(name, config.breaker, clock, on_event, rng),
            limiter=AdaptiveLimiter(name, config.limiter, clock, on_event),
            retries=Retries(name, config.retry, budget, on_event, rng=rng),
            clock=clock,
            on_event=on_event,
            timeouts=config.timeouts,
        )

    async def call(
        self, make: Callable[[], Awaitable[T]], *, timeout_s: float, priority: Priority = "interactive"
    ) -> T:
        """Await what `make` makes, within `timeout_s` seconds as `Patience` counts them, waiting for a slot included.

        Raises:
            BreakerOpen: the breaker lets nothing through; `make` was not called.
            Overloaded: no slot in time, or no time was left when it came; `make` was not called.
            DependencyTimeout: the time ran out.
        """
        ends_at = self._monotonic() + timeout_s
        self.breaker.check()
        async with self.limiter.slot(timeout_s=timeout_s, priority=priority) as slot:
            with self.breaker.acquire() as permit, _Attempt(self, permit, slot):
                return await self._in_time(make, ends_at, timeout_s)

    async def read(self, make: Callable[[float], Awaitable[T]], *, timeout_s: float, dispensable: bool = True) -> T:
        """`call`, for what changes nothing: repeated where that may help, all within `timeout_s` seconds.

        While the breaker of a dispensable target is not closed every caller is refused at once, and when a trial is due
        it runs in the background with the caller's own read, so that no request waits for a dependency that is known
        to fail.

        Args:
            make: makes one attempt within the seconds given.
            timeout_s: bound of all attempts together.
            dispensable: whether callers have something to fall back to.

        Raises:
            BreakerOpen: the breaker is not closed.
            Overloaded, DependencyTimeout: as `call`.
        """
        if dispensable and self.breaker.state != "closed":
            self.try_behind(make, timeout_s=timeout_s)
        return await self.repeating(
            lambda left_s: self.call(lambda: make(left_s), timeout_s=left_s), timeout_s=timeout_s
        )

    async def repeating(self, attempt: Callable[[float], Awaitable[T]], *, timeout_s: float) -> T:
        """What `attempt`, a call through this guard, gives; made again where that may help.

        No retry starts once `timeout_s` seconds are over, nor while the breaker is not closed.
        """
        deadline = Deadline.after(timeout_s, self._clock)
        return await self._retries.run(attempt, deadline, lambda: self.breaker.state == "closed")

    def try_behind(self, make: Callable[[float], Awaitable[object]], *, timeout_s: float) -> NoReturn:
        """Refuse the caller; if a trial is due, make it without anybody waiting.

        Raises:
            BreakerOpen: in any case.
        """
        self.breaker.check()
        trial = asyncio.create_task(self._trial(lambda: make(timeout_s), timeout_s), name=f"trial-{self.name}")
        self._trials.add(trial)
        trial.add_done_callback(self._trials.discard)
        raise BreakerOpen(f"{self.name} is tried in the background").after(0)

    async def aclose(self) -> None:
        """Stop the trials that still run."""
        for trial in self._trials:
            trial.cancel()
        await asyncio.gather(*self._trials, return_exceptions=True)

    async def _trial(self, make: Callable[[], Awaitable[object]], timeout_s: float) -> None:
        """Try as often as the breaker wants to see it succeed: who asks next finds it closed, or known to fail."""
        with suppress(SteadyragError):  # the breaker has counted it, and nobody waits for it
            await self.call(make, timeout_s=timeout_s)
            while self.breaker.state == "half-open":
                await self.call(make, timeout_s=timeout_s)

    async def stream(
        self,
        make: Callable[[], AsyncGenerator[T, None]],
        *,
        timeout_s: float,
        priority: Priority = "interactive",
        first_item_s: float = math.inf,
        first_item_counts: bool = True,
    ) -> AsyncGenerator[T, None]:
        """Yield what the generator that `make` makes yields, within `timeout_s` seconds altogether.

        Closing this generator closes that one at once. An error before or after the first item is a failure. The
        caller's breaking off is none, nor is running out of time while items keep coming.

        Args:
            make: makes the generator; not called when the call is refused.
            timeout_s: bound of the whole stream, seconds, waiting for a slot included.
            priority: who goes first for a slot.
            first_item_s: bound of the time to the first item, seconds, waiting for a slot included.
            first_item_counts: whether the time to the first item is the call's latency, or else the whole duration.

        Raises:
            BreakerOpen: the breaker lets nothing through.
            Overloaded: no slot in time, or no time was left when it came.
            DeadlineExceeded: the time ran out while the caller did not ask for the next item.
            DependencyTimeout: the time ran out.
        """
        ends_at = self._monotonic() + timeout_s
        until, bound_s = self._monotonic() + min(first_item_s, timeout_s), min(first_item_s, timeout_s)
        self.breaker.check()
        async with self.limiter.slot(timeout_s=bound_s, priority=priority) as slot:
            with self.breaker.acquire() as permit, _Attempt(self, permit, slot) as attempt:
                async with aclosing(make()) as items:
                    while (item := await self._in_time(lambda: anext(items, _END), until, bound_s)) is not _END:
                        attempt.item_came(counts=first_item_counts)
                        until, bound_s = ends_at, timeout_s
                        yield item
                        if self._timeouts and self._monotonic() >= ends_at:
                            raise DeadlineExceeded(f"the time for {self.name} ran out between two items")

    async def _in_time(self, make: Callable[[], Awaitable[T]], ends_at: float, timeout_s: float) -> T:
        if not self._timeouts:
            return await make()
        left_s = ends_at - self._monotonic()
        if left_s <= 0:
            raise Overloaded(f"no time was left for {self.name}")
        try:
            async with Patience(left_s) as limit:
                return await make()
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise DependencyTimeout(f"{self.name} did not answer within {timeout_s:g} s") from error


class _Attempt:
    """A call on its way: times it and tells how it ended."""

    __slots__ = ("_first_item_s", "_guard", "_last_item_at", "_permit", "_slot", "_started")

    def __init__(self, guard: Guard, permit: Permit, slot: Slot) -> None:
        self._guard = guard
        self._permit = permit
        self._slot = slot
        self._started = self._last_item_at = guard._monotonic()
        self._first_item_s: float | None = None

    def item_came(self, *, counts: bool) -> None:
        """An item of a stream; where the first one counts, it settles the call as a success."""
        self._last_item_at = self._guard._monotonic()
        if self._first_item_s is not None:
            return
        self._first_item_s = self._last_item_at - self._started
        if counts:
            self._slot.measured(self._first_item_s)
            self._permit.success(self._first_item_s)

    def __enter__(self) -> _Attempt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        guard, now = self._guard, self._guard._monotonic()
        if isinstance(error, DependencyTimeout) and (self._was_flowing(now) or self._was_hurried(now)):
            self._permit.release()
        guard._on_event(CallFinished(guard.name, self._outcome(error), now - self._started, self._first_item_s))

    def _was_hurried(self, now: float) -> bool:
        """Whether the caller's time ran out before the call would even count as slow: that is no fault of anybody's."""
        return now - self._started < self._guard.breaker.config.slow_s

    def _was_flowing(self, now: float) -> bool:
        """Whether items still came when the time ran out: then the answer was long, and the dependency healthy."""
        return self._first_item_s is not None and now - self._last_item_at < self._guard.breaker.config.slow_s

    def _outcome(self, error: BaseException | None) -> Outcome:
        if error is None:
            return "ok"
        if isinstance(error, DependencyTimeout):
            return "timeout"
        if isinstance(error, Exception):
            return "failed" if self._guard.breaker.blames(error) else "refused"
        return "cancelled"
