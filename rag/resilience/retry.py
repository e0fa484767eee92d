"""Retries that cannot make an outage worse: jittered, inside the deadline, and paid for out of a budget.

Backoff is the "full jitter" of Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015). The budget is
the token bucket of gRPC's retry throttling (gRFC A6) with the per-second reserve of Finagle's RetryBudget.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState
from tenacity.retry import retry_if_exception

from rag.errors import BreakerOpen, DeadlineExceeded, DependencyTimeout, Overloaded, ShuttingDown
from rag.resilience.events import Observer, Retried, RetryBudgetExhausted
from rag.types import Clock, Deadline

T = TypeVar("T")

#: Refusals and waits that were too long: asking again at once would only add to the load that they tell of.
LOAD = (BreakerOpen, DeadlineExceeded, DependencyTimeout, Overloaded, ShuttingDown)


def may_help(error: Exception) -> bool:
    """Whether the same call may succeed if sent again at once: the error says so, and does not tell of load."""
    return bool(getattr(error, "retryable", False)) and not isinstance(error, LOAD)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how soon to try again.

    Attributes:
        attempts: calls at most, the first one included; 1 = no retries.
        base_s: upper bound of the first delay, seconds; doubled for each further one.
        cap_s: upper bound of every delay, seconds, the dependency's own `retry_after_s` not included.
        retryable: whether an error is worth another attempt.
    """

    attempts: int = 2
    base_s: float = 0.05
    cap_s: float = 1.0
    retryable: Callable[[Exception], bool] = may_help

    def delay_s(self, attempt: int, rng: Callable[[], float]) -> float:
        """The delay after attempt number `attempt` (from 1): uniform between 0 and the doubled bound."""
        return rng() * min(self.cap_s, self.base_s * 2.0 ** (attempt - 1))


class RetryBudget:
    """Tokens for retries, shared by all calls to one target; a retry takes one.

    Each success earns `per_success`, and time earns `per_s`, up to `max_tokens`. As failures earn nothing, a total
    outage gets `max_tokens` retries and the trickle, however long it lasts: with the defaults and at least a request a
    second, no more than 1.1 attempts a request from the 200th on.

    Args:
        clock: the source of time.
        per_success: share of the successful calls that may be retries in the long run.
        per_s: tokens a second, so that a quiet service regains its retries.
        max_tokens: size of the bucket, and what it starts with; infinite = every retry is paid for.
    """

    def __init__(
        self, clock: Clock, *, per_success: float = 0.1, per_s: float = 0.05, max_tokens: float = 10.0
    ) -> None:
        self._monotonic = clock.monotonic
        self._per_success = per_success
        self._per_s = per_s
        self._max_tokens = self._tokens = max_tokens
        self._filled_at = clock.monotonic()

    @property
    def tokens(self) -> float:
        """Retries that are paid for."""
        now = self._monotonic()
        self._earn((now - self._filled_at) * self._per_s)
        self._filled_at = now
        return self._tokens

    def deposit(self) -> None:
        """A call succeeded."""
        self._earn(self._per_success)

    def withdraw(self) -> bool:
        """Pay for one retry; False when the tokens do not suffice."""
        paid = self.tokens >= 1
        self._tokens -= paid
        return paid

    def _earn(self, tokens: float) -> None:
        self._tokens = min(self._max_tokens, self._tokens + tokens)


class Retries:
    """The retries of one target; only for calls whose second execution does no harm.

    Args:
        name: the target, for events.
        policy: how often and how soon.
        budget: pays for every attempt after the first.
        on_event: told of `Retried` and `RetryBudgetExhausted`.
        rng: uniform numbers in [0, 1).
        sleep: waits some seconds.
    """

    def __init__(
        self,
        name: str,
        policy: RetryPolicy,
        budget: RetryBudget,
        on_event: Observer,
        *,
        rng: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self.policy = policy
        self.budget = budget
        self.on_event = on_event
        self.rng = rng
        self._sleep = sleep

    async def run(
        self, call: Callable[[float], Awaitable[T]], deadline: Deadline, allowed: Callable[[], bool] = lambda: True
    ) -> T:
        """Make the call, and make it again where that may help, is allowed, is paid for and still in time.

        Args:
            call: makes one attempt within the seconds given.
            deadline: no attempt starts and no pause ends past it.
            allowed: asked before each pause and after it whether there may be another attempt.

        Raises:
            Overloaded: no time was left for an attempt.
            Exception: an attempt's own error, as it was.
        """

        async def attempt() -> T:
            left_s = deadline.at - deadline.clock.monotonic()
            if left_s <= 0:  # no DeadlineExceeded: this is a share of the request's time, and others may have one left
                raise Overloaded(f"no time was left for {self.name}")
            result = await call(left_s)
            self.budget.deposit()
            return result

        try:
            return await attempt()
        except Exception as error:
            if self.policy.attempts == 1 or not self.policy.retryable(error):
                raise
            failure = error
        return await self._again(attempt, failure, _Rules(self, deadline, allowed))

    async def _again(self, attempt: Callable[[], Awaitable[T]], failure: Exception, rules: _Rules) -> T:
        """What follows the first failure; apart from the first attempt, as tenacity costs a call 50 µs."""
        failed = False

        async def step() -> T:
            nonlocal failed
            if failed and rules.may_go_on(0.0):
                return await attempt()
            failed = True
            raise failure

        tries = AsyncRetrying(
            retry=retry_if_exception(rules.worthwhile),
            wait=rules.delay_s,
            stop=rules.stop,
            before_sleep=rules.tell,
            sleep=self._sleep,
            reraise=True,
        )
        result: T = await tries(step)
        return result


@dataclass(frozen=True, slots=True)
class _Rules:
    """One call's answers to tenacity, which asks in this order: worthwhile? after what delay? stop? and then tells."""

    retries: Retries
    deadline: Deadline
    allowed: Callable[[], bool]

    def worthwhile(self, error: BaseException) -> bool:
        """Cancellation never is."""
        return isinstance(error, Exception) and self.retries.policy.retryable(error)

    def delay_s(self, state: RetryCallState) -> float:
        """Full jitter, after the pause that this error itself asks for (a class's default is meant for clients)."""
        asked_s: float | None = getattr(_error_of(state), "__dict__", {}).get("retry_after_s")
        return (asked_s or 0.0) + self.retries.policy.delay_s(state.attempt_number, self.retries.rng)

    def may_go_on(self, pause_s: float) -> bool:
        """Whether time is left after the pause, and nobody objects."""
        return self.allowed() and pause_s < self.deadline.at - self.deadline.clock.monotonic()

    def stop(self, state: RetryCallState) -> bool:
        """Out of attempts, of time, or of budget; asked last, as asking spends."""
        if state.attempt_number >= self.retries.policy.attempts or not self.may_go_on(state.upcoming_sleep):
            return True
        paid = self.retries.budget.withdraw()
        if not paid:
            self.retries.on_event(RetryBudgetExhausted(self.retries.name))
        return not paid

    def tell(self, state: RetryCallState) -> None:
        """A retry is settled."""
        error = type(_error_of(state)).__name__
        self.retries.on_event(Retried(self.retries.name, state.attempt_number, state.upcoming_sleep, error))


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
