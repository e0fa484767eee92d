"""The open-loop generator: sends by the clock and never waits for a reply.

A closed loop, whose users wait for one reply before they send the next request, slows down with the server and so
hides its stalls (Schroeder et al., NSDI 2006).
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from evals.load.records import Record, Shot
from evals.load.reply import Reply

#: The grain of the loop's timers.
TIMER_GRAIN_S = 0.001


@dataclass(frozen=True, slots=True)
class LoadRun:
    """A finished run.

    Attributes:
        records: one for each shot that was due, in the order of their ends.
        window_s: for how long requests were to be sent.
        cpu: cores that this process used while sending.
        interrupted: whether it was stopped before its end.
    """

    records: list[Record]
    window_s: float
    cpu: float
    interrupted: bool


class Generator:
    """Sends a schedule once.

    Args:
        ask: sends one request and fills the reply; what it raises ends the run, so not for what the server does.
        max_in_flight: bound of requests under way. A shot beyond it is recorded as `not_sent`, which makes the run
            invalid; it is never held back, since that would close the loop.
        clock: seconds; the clock that `ask` stamps replies with.
        cpu_clock: CPU seconds of this process.
    """

    def __init__(
        self,
        ask: Callable[[Shot, Reply], Coroutine[Any, Any, None]],
        *,
        max_in_flight: int = 10_000,
        clock: Callable[[], float] = time.perf_counter,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        self.records: list[Record] = []
        self._stopped = False
        self._ask = ask
        self._max_in_flight = max_in_flight
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._in_flight: set[asyncio.Task[None]] = set()
        self._pacing: asyncio.Task[None] | None = None

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return len(self._in_flight)

    async def run(self, shots: Iterable[Shot], window_s: float) -> LoadRun:
        """Send every shot at its time, let the window pass, then wait for the last reply."""
        with _no_gc_pauses():
            origin, cpu = self._clock(), self._cpu_clock()
            async with asyncio.TaskGroup() as group:
                self._pacing = group.create_task(self._pace(shots, origin, window_s, group))
                await asyncio.wait([self._pacing])
                sending_s, cpu_s = self._clock() - origin, self._cpu_clock() - cpu
        return LoadRun(
            records=self.records,
            window_s=sending_s if self._pacing.cancelled() else window_s,
            cpu=cpu_s / sending_s,
            interrupted=self._stopped,
        )

    def stop(self) -> None:
        """Send nothing more; called again, give up what is under way too."""
        if self._stopped or (self._pacing and self._pacing.done()):
            for task in self._in_flight:
                task.cancel()
        elif self._pacing:
            self._pacing.cancel()
        self._stopped = True

    async def _pace(self, shots: Iterable[Shot], origin: float, window_s: float, group: asyncio.TaskGroup) -> None:
        for shot in shots:
            intended = origin + shot.at_s
            await self._sleep_until(intended)
            if len(self._in_flight) < self._max_in_flight:
                task = group.create_task(self._send(shot, intended))
                self._in_flight.add(task)
                task.add_done_callback(self._in_flight.discard)
            else:
                reply = Reply(error="not_sent", ended_at=self._clock())
                self.records.append(_record(shot, intended, reply.ended_at, reply))
        await self._sleep_until(origin + window_s)

    async def _sleep_until(self, when: float) -> None:
        # At least once, if only for 0 s: a loop that is late and never yields would starve the replies.
        await asyncio.sleep(max(0.0, when - self._clock()))
        # uvloop rounds to the nearest grain, so a sleep may end early.
        while (left := when - self._clock()) > 0:  # noqa: ASYNC110 - no event to wait for
            await asyncio.sleep(max(left, TIMER_GRAIN_S))

    async def _send(self, shot: Shot, intended: float) -> None:
        started, reply = self._clock(), Reply()
        try:
            await self._ask(shot, reply)
        except asyncio.CancelledError:
            reply.fail("cancelled", self._clock())
            raise
        finally:
            self.records.append(_record(shot, intended, started, reply))


def _record(shot: Shot, intended: float, started: float, reply: Reply) -> Record:
    return Record(
        request_id=shot.request_id,
        intended_s=shot.at_s,
        lag_s=started - intended,
        e2e_s=reply.ended_at - intended,
        ttft_s=reply.content_at[0] - intended if reply.content_at else None,
        itl_s=[later - earlier for earlier, later in itertools.pairwise(reply.content_at)],
        status=reply.status,
        error=reply.error,
        retry_after=reply.retry_after,
        verdict=reply.verdict,
        model=reply.model,
        degraded=reply.degraded,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        cost=reply.cost,
        saved=reply.saved,
        timings_ms=reply.timings_ms,
    )


@contextmanager
def _no_gc_pauses() -> Iterator[None]:
    """Keep the cycle collector from stopping the loop: a run makes many records and hardly a cycle."""
    enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()
