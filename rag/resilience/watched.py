"""A guarded model that knows how it fares: what routing asks before it sends a question there."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from rag.errors import DeadlineExceeded, DependencyTimeout
from rag.resilience.guard import Guard
from rag.types import Clock
from router.ports import ChatBackend, Reporting
from router.types import Chunk, Load, Prompt

#: Weight of one answer in the running average of how long they take.
WEIGHT = 0.2
#: After so many seconds without an answer the average counts half: who was slow is asked again in the end.
HALF_LIFE_S = 30.0


class WatchedBackend:
    """A `ChatBackend` that times its answers.

    Args:
        inner: the model, guarded.
        guard: its guard.
        clock: the source of time.
        reporting: the back end itself, where it knows how its servers fare.
    """

    def __init__(self, inner: ChatBackend, guard: Guard, clock: Clock, reporting: Reporting | None = None) -> None:
        self._inner = inner
        self._guard = guard
        self._monotonic = clock.monotonic
        self._reporting = reporting
        self._typical_s = 0.0
        self._measured_at = clock.monotonic()
        self.aclose = inner.aclose

    @property
    def name(self) -> str:
        """See `router.ports.ChatBackend`."""
        return self._inner.name

    async def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        """See `router.ports.ChatBackend`. Answers that did not come in time count as long as was waited for them."""
        started = self._monotonic()
        try:
            async with aclosing(self._inner.stream(prompt, timeout_s=timeout_s)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except (DependencyTimeout, DeadlineExceeded):
            self._took(self._monotonic() - started)
            raise
        self._took(self._monotonic() - started)

    def load(self) -> Load:
        """How it fares: our own requests, or all of them where its servers tell."""
        breaker, limiter = self._guard.breaker.snapshot(), self._guard.limiter.snapshot()
        admits = breaker.state != "open" or breaker.probe_in_s == 0.0
        ours = Load(admits, limiter.in_flight + limiter.waiting_interactive + limiter.waiting_batch, self._typical())
        if self._reporting is None:
            return ours
        told = self._reporting.load()
        return replace(ours, healthy=admits and told.healthy, under_way=max(ours.under_way, told.under_way))

    def _typical(self) -> float:
        return float(self._typical_s * 0.5 ** ((self._monotonic() - self._measured_at) / HALF_LIFE_S))

    def _took(self, seconds: float) -> None:
        known = self._typical()
        self._typical_s = known + WEIGHT * (seconds - known) if known else seconds
        self._measured_at = self._monotonic()
