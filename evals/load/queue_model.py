"""A queue with c servers, a fixed service time and a bounded FIFO line: what the stub model behaves like.

With Poisson arrivals it is M/D/c/K, so throughput, waits and refusals can be checked against theory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from evals.errors import QueueFull


@dataclass(frozen=True, slots=True)
class Service:
    """How the stub serves; times in seconds.

    Attributes:
        service_time_s: from the start of service to the first event.
        slots: requests served at the same time.
        queue_limit: requests that may wait for a slot; a further one is refused.
        events: events of an answer (a request's `max_tokens` lowers it).
        itl_s: between two events of an answer.
        added_ttft_s: added before the first event, while holding the slot.
    """

    service_time_s: float = 0.05
    slots: int = 8
    queue_limit: int = 1_000
    events: int = 8
    itl_s: float = 0.01
    added_ttft_s: float = 0.0

    @property
    def seconds_per_answer(self) -> float:
        """How long one answer of full length holds its slot."""
        return self.service_time_s + self.added_ttft_s + (self.events - 1) * self.itl_s

    @property
    def capacity_rps(self) -> float:
        """Answers of full length per second when every slot is busy."""
        return self.slots / self.seconds_per_answer


class QueueModel:
    """The queue, on the running loop; `service` may be exchanged while it runs, except for `slots`.

    Args:
        service: slots, times and bounds.
        clock: seconds, the same clock that the loop sleeps by.
    """

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        self.service = service
        self.running = 0
        self.waiting = 0
        self._clock = clock
        self._slots = asyncio.Semaphore(service.slots)
        self._stalled_until = 0.0

    def stall(self, duration_s: float) -> None:
        """Stop the world: no event leaves and no service starts for `duration_s`."""
        self._stalled_until = self._clock() + duration_s

    async def serve(self, events: int) -> AsyncGenerator[int, None]:
        """Wait for a slot, then yield the event numbers 0..events-1, each at its time; closing frees the slot.

        Raises:
            QueueFull: before anything is yielded.
        """
        async with self._slot():
            service = self.service
            due = max(self._clock(), self._stalled_until) + service.service_time_s + service.added_ttft_s
            for event in range(events):
                await self._sleep_until(due)
                yield event
                due = max(due, self._stalled_until) + service.itl_s

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._slots.locked() and self.waiting >= self.service.queue_limit:
            raise QueueFull
        self.waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._slots.release()

    async def _sleep_until(self, when: float) -> None:
        # A stall may begin during the sleep, so the end is looked at again after it.
        while (left := max(when, self._stalled_until) - self._clock()) > 0:  # noqa: ASYNC110 - no event to wait for
            await asyncio.sleep(left)
