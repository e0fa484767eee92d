"""One stream of one connection through one toxic: what waits there, and until when."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from chaos.proxy.toxics.toxic import Chunk, Stage, Stream, Timer

#: Timers of uvloop are whole milliseconds, rounded, so that one may ring this much too early.
TIMER_ERROR_S = 0.0005


class Clock(Protocol):
    """Time, as an event loop has it."""

    def time(self) -> float:
        """Seconds."""
        ...

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Have something done then."""
        ...


class Sink(Protocol):
    """Where a stream goes on: the next toxic, or the peer."""

    def data(self, data: bytes) -> None:
        """Take bytes."""
        ...

    def end(self, *, close: bool) -> None:
        """Take the end of the stream, or of the whole connection."""
        ...


class Source(Protocol):
    """Who sends a stream and can be kept from it."""

    def pause(self, reason: object) -> None:
        """Read nothing more, until every reason is gone."""
        ...

    def resume(self, reason: object) -> None:
        """This reason is gone."""
        ...


class _Waiting(NamedTuple):
    """Bytes, or the end of the stream when there are none."""

    data: bytes
    at_s: float
    arrived_s: float
    close: bool = False


class Lane:
    """A FIFO with times between a stage and what follows it. As a `Sink`, it tells the stage.

    Attributes:
        stage: Who is told; set before anything comes.
        next: Where it sends to; set before anything comes.
    """

    stage: Stage[Any]
    next: Sink

    def __init__(self, stream: Stream, clock: Clock, source: Source, limit_bytes: int) -> None:
        self.stream = stream
        self._clock = clock
        self._source = source
        self._limit_bytes = limit_bytes
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._timer: Timer | None = None
        self._arrived_s: float | None = None
        self._closing = False
        self._ended = False

    def data(self, data: bytes) -> None:
        """Tell the stage, unless it has ended the stream."""
        if not self._ended:
            self._tell(data, self._clock.time())

    def end(self, *, close: bool) -> None:
        """Tell the stage. When it passes on the end of a connection, it is that again."""
        self._closing |= close
        if not self._ended:
            self._tell(b"", self._clock.time())

    def send(self, data: bytes, at_s: float) -> None:
        """Pass bytes on, then and after what waits."""
        if data and not self._ended:
            self._put(data, at_s, close=False)

    def finish(self, at_s: float, *, close: bool) -> None:
        """Pass the end on, then and after what waits; nothing can be sent behind it."""
        if not self._ended:
            self._ended = True
            self._put(b"", at_s, close=close or self._closing)

    def retain(self, n_bytes: int) -> None:
        """Count bytes that wait elsewhere."""
        self._bytes += n_bytes
        self._weigh()

    def release(self) -> None:
        """Pass everything on that waits."""
        self._cancel()
        while self._waiting:
            self._pass(self._waiting.popleft())
        self._weigh()

    def replay(self) -> None:
        """Tell the stage again of everything that waits."""
        self._cancel()
        waiting, self._waiting = self._waiting, deque()
        self._bytes -= sum(len(each.data) for each in waiting)
        if waiting and not waiting[-1].data:
            self._ended = False
            self._closing |= waiting[-1].close
        for each in waiting:
            self._tell(each.data, each.arrived_s)
        self._weigh()

    def discard(self) -> None:
        """Nothing is passed on any more, and nobody kept from sending."""
        self._cancel()
        self._waiting.clear()
        self._ended = True
        self._source.resume(self)

    def _tell(self, data: bytes, arrived_s: float) -> None:
        self._arrived_s = arrived_s
        if data:
            self.stage.on_data(self.stream, Chunk(data, arrived_s))
        else:
            self.stage.on_end(self.stream, arrived_s)
        self._arrived_s = None

    def _put(self, data: bytes, at_s: float, *, close: bool) -> None:
        now_s = self._clock.time()
        arrived_s = now_s if self._arrived_s is None else self._arrived_s
        waiting = _Waiting(data, at_s, arrived_s, close)
        self._bytes += len(data)
        if self._waiting or at_s > now_s:
            self._waiting.append(waiting)
            self._arm()
            self._weigh()
        else:
            self._pass(waiting)

    def _pass(self, waiting: _Waiting) -> None:
        self._bytes -= len(waiting.data)
        if waiting.data:
            self.next.data(waiting.data)
        else:
            self.next.end(close=waiting.close)

    def _arm(self) -> None:
        if self._timer is None and self._waiting and self._waiting[0].at_s < float("inf"):
            self._timer = self._clock.call_at(self._waiting[0].at_s, self._ring)

    def _ring(self) -> None:
        self._timer = None
        due_s = self._clock.time() + TIMER_ERROR_S
        while self._waiting and self._waiting[0].at_s <= due_s:
            self._pass(self._waiting.popleft())
        self._arm()
        self._weigh()

    def _cancel(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _weigh(self) -> None:
        """Half of the limit is left free before the sender goes on, so that it does not start and stop all the time."""
        if self._bytes > self._limit_bytes:
            self._source.pause(self)
        elif self._bytes <= self._limit_bytes // 2:
            self._source.resume(self)
