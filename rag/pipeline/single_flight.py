"""Identical questions in flight share one computation (singleflight, as in groupcache)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable
from contextlib import aclosing
from itertools import count

from rag.errors import DeadlineExceeded, SteadyragError
from rag.pipeline.request import Answer, Event
from rag.tasks import end
from rag.types import Deadline

Make = Callable[[], AsyncGenerator[Event, None]]


class _Flight:
    """One computation: what it said so far, and how many listen."""

    def __init__(self, make: Make) -> None:
        self._events: list[Event] = []
        self._error: Exception | None = None
        self._ended = False
        self._moved = asyncio.Event()
        self.listeners = 0
        self.task = asyncio.create_task(self._run(make), name="answer")

    @property
    def whole(self) -> bool:
        """Whether it has said all that it will say."""
        return self._ended or bool(self._events and isinstance(self._events[-1], Answer))

    async def heard(self, place: int) -> Event | None:
        """The event at `place`, once it is there; None: there are no more.

        Raises:
            Exception: what ended the computation.
        """
        while place >= len(self._events) and not self.whole:
            await self._moved.wait()
        if place < len(self._events):
            return self._events[place]
        if self._error is not None:
            raise self._error
        return None

    async def _run(self, make: Make) -> None:
        try:
            async with aclosing(make()) as events:
                async for event in events:
                    self._events.append(event)
                    self._tell()
        except Exception as error:  # noqa: BLE001 - raised to each who listens
            self._error = error
        finally:
            self._ended = True
            self._tell()

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()


class SingleFlight:
    """Computations under way, by what they compute.

    A computation belongs to nobody: it goes on as long as somebody listens, so that the one who began it may leave.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, key: Hashable, make: Make, deadline: Deadline) -> AsyncGenerator[tuple[Event, bool], None]:
        """The events of the computation for `key`, from its first one on, each with whether this caller began it.

        Who waits for another's computation keeps a deadline of its own, and when that one fails before its first event
        begins the next, or joins whoever did.

        Args:
            key: what is computed.
            make: begins the computation; it keeps this caller's deadline.
            deadline: the caller's.

        Raises:
            DeadlineExceeded: the caller's time ran out.
            SteadyragError: the computation failed.
        """
        for last in (False, True):
            flight, began = self._board(key, make)
            said = False
            try:
                async with aclosing(self._listen(key, flight, None if began else deadline)) as events:
                    async for event in events:
                        said = True
                        yield event, began
            except SteadyragError:
                if began or said or last:
                    raise
            else:
                return

    async def aclose(self) -> None:
        """Stop what is under way."""
        for task in list(self._tasks):
            await end(task)

    def _board(self, key: Hashable, make: Make) -> tuple[_Flight, bool]:
        flight = self._flights.get(key)
        if flight is not None and not flight.whole:
            return flight, False
        flight = self._flights[key] = _Flight(make)
        self._tasks.add(flight.task)
        flight.task.add_done_callback(self._tasks.discard)
        return flight, True

    async def _listen(self, key: Hashable, flight: _Flight, deadline: Deadline | None) -> AsyncGenerator[Event, None]:
        flight.listeners += 1
        try:
            for place in count():
                event = await _in_time(flight.heard(place), deadline)
                if event is None:
                    return
                yield event
        finally:
            flight.listeners -= 1
            if not flight.listeners and self._flights.get(key) is flight:
                del self._flights[key]
            if not flight.listeners and not flight.whole:
                await end(flight.task)


async def _in_time(event: Coroutine[object, object, Event | None], deadline: Deadline | None) -> Event | None:
    """The event; the one who began the computation hears of the deadline from the computation itself."""
    if deadline is None:
        return await event
    try:
        async with asyncio.timeout(deadline.remaining()):
            return await event
    except TimeoutError:
        raise DeadlineExceeded(
            "the same question was being answered for longer than the request's time limit"
        ) from None
    finally:
        event.close()
