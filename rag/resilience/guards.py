"""All guards of the process, by name: what the composition root builds, and operators look at and force."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from rag.errors import NotFound
from rag.resilience.breaker import BreakerConfig, BreakerSnapshot
from rag.resilience.events import BreakerState, Observer
from rag.resilience.gradient import GradientConfig
from rag.resilience.guard import Guard, GuardConfig
from rag.resilience.limiter import AdaptiveLimiter, LimiterConfig, LimiterSnapshot
from rag.resilience.retry import RetryPolicy
from rag.types import Clock

#: Retries that a target gets before its successes have paid for any; a tenth of the requests of a short outage.
RETRY_TOKENS = 10.0
#: The longest that a target is not tried, seconds.
OPEN_MAX_S = 5.0
#: A wait that somebody who waits for an answer does not notice, seconds.
BRIEF_S = 0.2


@dataclass(frozen=True, slots=True)
class Protections:
    """Which protections are on; each can be switched off by itself, to see what it is for."""

    breakers: bool = True
    timeouts: bool = True
    limits: bool = True
    retries: bool = True
    retry_budget: bool = True


class Guards:
    """Builds guards and keeps them.

    Args:
        protections: which are on.
        clock: the source of time.
        on_event: told of everything that the guards do.
    """

    def __init__(self, protections: Protections, clock: Clock, on_event: Observer) -> None:
        self._protections = protections
        self._clock = clock
        self._on_event = on_event
        self._guards: dict[str, Guard] = {}
        self._limiters: dict[str, AdaptiveLimiter] = {}

    def guard(self, name: str, *, slow_s: float, concurrency: int, open_max_s: float = OPEN_MAX_S) -> Guard:
        """A guard for one target: a fixed bulkhead of `concurrency` calls; calls of `slow_s` seconds are slow.

        Its breaker stays open for `open_max_s` seconds at most before the next trial.
        """
        on = self._protections
        bulkhead = GradientConfig(min_limit=concurrency, max_limit=concurrency, initial_limit=concurrency)
        config = GuardConfig(
            breaker=BreakerConfig(slow_s=slow_s, open_max_s=open_max_s, enabled=on.breakers),
            limiter=LimiterConfig(gradient=bulkhead, queue=1.0, enabled=on.limits),
            timeouts=on.timeouts,
            retry=RetryPolicy() if on.retries else RetryPolicy(attempts=1),
            retry_tokens=RETRY_TOKENS if on.retry_budget else math.inf,
        )
        guard = self._guards[name] = Guard.build(name, config, self._clock, self._on_event)
        return guard

    def admission(self, name: str, *, least: int, most: int) -> AdaptiveLimiter:
        """A limit that adapts between `least` and `most` requests at once."""
        gradient = GradientConfig(min_limit=least, max_limit=most, initial_limit=least)
        config = LimiterConfig(gradient=gradient, brief_s=BRIEF_S, enabled=self._protections.limits)
        limiter = self._limiters[name] = AdaptiveLimiter(name, config, self._clock, self._on_event)
        return limiter

    def breakers(self) -> list[BreakerSnapshot]:
        """Every breaker, by name."""
        return [guard.breaker.snapshot() for _, guard in sorted(self._guards.items())]

    def limiters(self) -> list[LimiterSnapshot]:
        """Every limiter, by name."""
        both = self._limiters | {name: guard.limiter for name, guard in self._guards.items()}
        return [limiter.snapshot() for _, limiter in sorted(both.items())]

    def force(self, name: str, state: BreakerState, for_s: float) -> BreakerSnapshot:
        """Hold a breaker open or closed for `for_s` seconds.

        Raises:
            NotFound: there is no such breaker.
        """
        if name not in self._guards:
            raise NotFound(f"no breaker {name!r}; there are {', '.join(sorted(self._guards))}")
        breaker = self._guards[name].breaker
        breaker.force(state, for_s)
        return breaker.snapshot()

    async def aclose(self) -> None:
        """Stop what the guards still try in the background."""
        await asyncio.gather(*(guard.aclose() for guard in self._guards.values()))
