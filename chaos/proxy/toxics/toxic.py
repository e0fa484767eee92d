"""What a toxic is: attributes that the HTTP API sets, and what they do to one connection.

A `Toxic` is the attributes, immutable, one file per type, listed in `chaos.proxy.toxics.TOXICS`. Every connection
that it reaches has a `Stage` of it: the state, told of each chunk and of each end of stream, in order. A stage acts
through its `Line` only. Both are synchronous: a delay is a time given to `Line.send`, not a wait, so that a toxic can
be taken away at any moment and what it holds back flows on.

    class Stutter(Toxic):                              class StutterStage(Stage["Stutter"]):
        kind = "stutter"                                   def on_data(self, stream, chunk):
        stage = StutterStage                                   self.line.send(stream, chunk.data,
        pause: Count = 0  # ms                                                chunk.arrived_s + self.toxic.pause / 1000)
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from random import Random
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

#: A whole number that is not negative and fits Toxiproxy's; floats, strings and booleans are refused.
Count = Annotated[int, Field(ge=0, lt=2**63)]
KIB = 1024


class Stream(StrEnum):
    """One direction of a connection, named for where its bytes go."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"

    @property
    def opposite(self) -> Stream:
        """The other direction."""
        return Stream.DOWNSTREAM if self is Stream.UPSTREAM else Stream.UPSTREAM


class Chunk(NamedTuple):
    """Bytes of one stream as they came.

    Attributes:
        data: At least one byte.
        arrived_s: When they reached this stage, on the line's clock.
    """

    data: bytes
    arrived_s: float


class Timer(Protocol):
    """What is to happen later, as `asyncio.TimerHandle`."""

    def cancel(self) -> None:
        """It does not happen."""
        ...


class Line(Protocol):
    """One connection, as one stage may act on it. Times are seconds on the line's clock.

    What is sent on a stream goes to the toxics behind this one, then to the peer; order is kept within a stream.
    After `end`, `close` or the end of the connection, what is sent is dropped.

    Attributes:
        stream: The stream that the toxic was made for.
        random: For this stage alone, from the proxy's seed, the connection's number and the toxic's name.
        since_start: Whether the toxic was there when the connection was opened, so that its stage sees every byte.
    """

    stream: Stream
    random: Random
    since_start: bool

    def now(self) -> float:
        """Seconds on the clock that all times here are of."""
        ...

    def send(self, stream: Stream, data: bytes, at_s: float = 0.0) -> None:
        """Pass bytes on, not before `at_s`; on either stream with `Toxic.both_streams`, else on the toxic's own.

        They wait behind what was sent on this stream before. `math.inf` holds them until the toxic is changed or
        removed; what waits counts against the toxic's `buffer_bytes`.
        """
        ...

    def end(self, stream: Stream, at_s: float = 0.0) -> None:
        """Pass the end of the stream (FIN) on, not before `at_s`; the other stream goes on."""
        ...

    def close(self, stream: Stream, at_s: float = 0.0) -> None:
        """Close the whole connection by FIN, not before `at_s` and after all that was sent on `stream`."""
        ...

    def reset(self) -> None:
        """Close the whole connection by RST to both peers, at once; what waits anywhere is lost."""
        ...

    def retain(self, stream: Stream, n_bytes: int) -> None:
        """Count bytes that the stage keeps itself against `buffer_bytes`; a negative number gives them back."""
        ...

    def call_at(self, at_s: float, callback: Callable[[], None]) -> Timer:
        """Have something done then, unless the stage is removed or the connection closed before."""
        ...


ToxicT = TypeVar("ToxicT", bound="Toxic")


class Stage(Generic[ToxicT]):
    """One toxic on one connection. The base passes everything on."""

    def __init__(self, toxic: ToxicT, line: Line) -> None:
        self.toxic = toxic
        self.line = line

    def on_start(self) -> None:
        """Called once, before anything else."""

    def on_data(self, stream: Stream, chunk: Chunk) -> None:
        """Called for each chunk of the toxic's stream, or of both with `Toxic.both_streams`."""
        self.line.send(stream, chunk.data)

    def on_end(self, stream: Stream, arrived_s: float) -> None:
        """Called when the sender of the stream has ended it (FIN) or left; no data follows on it."""
        self.line.end(stream)

    def on_update(self) -> bool:
        """Called after `toxic` was replaced by one with other attributes.

        Returns:
            Whether what waits on the line is to be told to `on_data` and `on_end` once more, as it was sent, with
            its first time of arrival. Otherwise it waits on as it does.
        """
        return True

    def on_remove(self) -> bool:
        """Called when the toxic is removed, or its duration is over. What the stage keeps itself is to be sent here.

        What waits on the line flows on afterwards, by itself.

        Returns:
            Whether the stage is done. Otherwise it stays in its place until the connection closes, and goes on being
            called: for what has once rewritten a stream and must see it through.
        """
        return True


class Toxic(BaseModel):
    """Attributes of one type of toxic, with their defaults.

    Validated as Toxiproxy's (Go's encoding/json) are: whole numbers are no floats, names that are not known are
    ignored. A type that is ours alone refuses them: `class X(Toxic, extra="forbid")`.

    Attributes:
        kind: Name of the type in the API.
        stage: What it does to one connection.
        both_streams: Whether a stage is told of both directions, whichever `stream` the toxic was made with.
        buffer_bytes: How much may wait in a stage, by stream, before the sender is no longer read.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    kind: ClassVar[str]
    stage: ClassVar[type[Stage[Any]]]
    both_streams: ClassVar[bool] = False
    buffer_bytes: ClassVar[int] = 64 * KIB
