"""A toxic as it was put on a proxy, and what it becomes on one connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from chaos.proxy.lane import Clock, Lane, Source
from chaos.proxy.toxics.toxic import Stream, Timer, Toxic


@dataclass(slots=True, eq=False)
class Injection:
    """A toxic of a proxy, with what all types share.

    Attributes:
        name: By which the API knows it.
        stream: Which direction it is for.
        toxicity: Share of the connections that it reaches, 0 to 1.
        toxic: Type and attributes.
        duration_ms: How long after it was put there, or this was changed, it goes away by itself; 0: never.
    """

    name: str
    stream: Stream
    toxicity: float
    toxic: Toxic
    duration_ms: int = 0

    def as_json(self) -> dict[str, Any]:
        """As Toxiproxy shows it; with `duration` if it has one."""
        shown = {
            "attributes": self.toxic.model_dump(),
            "name": self.name,
            "type": self.toxic.kind,
            "stream": self.stream.value,
            "toxicity": self.toxicity,
        }
        return shown | ({"duration": self.duration_ms} if self.duration_ms else {})


class Attached:
    """An injection on one connection: its stage with the lanes it acts on. The stage's `Line`.

    Args:
        injection: What it is of.
        random: For this stage alone.
        sources: Who sends each stream.
        reset: Resets the connection.
        since_start: See `Line`.
    """

    def __init__(
        self,
        injection: Injection,
        random: Random,
        clock: Clock,
        sources: Mapping[Stream, Source],
        *,
        reset: Callable[[], None],
        since_start: bool,
    ) -> None:
        toxic = injection.toxic
        self.injection = injection
        self.stream = injection.stream
        self.random = random
        self.since_start = since_start
        self._clock = clock
        self._reset = reset
        self._live = True
        streams = tuple(Stream) if toxic.both_streams else (injection.stream,)
        self.lanes = {each: Lane(each, clock, sources[each], toxic.buffer_bytes) for each in streams}
        self._stage = toxic.stage(toxic, self)
        for lane in self.lanes.values():
            lane.stage = self._stage

    def start(self) -> None:
        """Begin, once the lanes lead somewhere."""
        self._stage.on_start()

    def update(self) -> None:
        """The injection has another toxic."""
        self._stage.toxic = self.injection.toxic
        if self._stage.on_update():
            for lane in self.lanes.values():
                lane.replay()

    def remove(self) -> bool:
        """The injection is gone; what waits flows on.

        Returns:
            Whether nothing of it has to stay.
        """
        done = self._stage.on_remove()
        for lane in self.lanes.values():
            lane.release()
        if done:
            self.discard()
        return done

    def discard(self) -> None:
        """Nothing comes of it any more."""
        self._live = False
        for lane in self.lanes.values():
            lane.discard()

    def now(self) -> float:
        """See `Line`."""
        return self._clock.time()

    def send(self, stream: Stream, data: bytes, at_s: float = 0.0) -> None:
        """See `Line`."""
        self.lanes[stream].send(data, at_s)

    def end(self, stream: Stream, at_s: float = 0.0) -> None:
        """See `Line`."""
        self.lanes[stream].finish(at_s, close=False)

    def close(self, stream: Stream, at_s: float = 0.0) -> None:
        """See `Line`."""
        self.lanes[stream].finish(at_s, close=True)

    def reset(self) -> None:
        """See `Line`."""
        self._reset()

    def retain(self, stream: Stream, n_bytes: int) -> None:
        """See `Line`."""
        self.lanes[stream].retain(n_bytes)

    def call_at(self, at_s: float, callback: Callable[[], None]) -> Timer:
        """See `Line`."""
        return self._clock.call_at(at_s, lambda: callback() if self._live else None)
