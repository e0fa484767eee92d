"""How long each stage of a request took, measured once: for the answer, and for whoever follows the request's spans."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Protocol

from rag.types import Clock

#: As OpenTelemetry has them.
Attributes = Mapping[str, str | bool | int | float | Sequence[str]]
NO_CONTEXT: Mapping[str, str] = MappingProxyType({})


class Span(Protocol):
    """A piece of a request's work, in OpenTelemetry's sense; times are of the service's clock, monotonic seconds."""

    @property
    def context(self) -> Mapping[str, str]:
        """The headers by which a server that is called goes on with the trace (W3C Trace Context), if there is one."""

    def child(self, name: str, started_at: float, *, client: bool = False) -> Span:
        """A part of the work; `client` for a call to a model."""

    def set(self, attributes: Attributes) -> None:
        """Say something of it; `error.type` says that it failed."""

    def end(self, ended_at: float) -> None:
        """It is over."""


class NoSpan:
    """Of a request that is not traced here; it hands on the trace that its caller has, if any."""

    def __init__(self, context: Mapping[str, str] = NO_CONTEXT) -> None:
        self.context = context

    def child(self, _name: str, _started_at: float, *, client: bool = False) -> NoSpan:
        """See `Span`."""
        return self

    def set(self, attributes: Attributes) -> None:
        """See `Span`."""

    def end(self, ended_at: float) -> None:
        """See `Span`."""


NO_SPAN = NoSpan()


class Timed:
    """The block inside is timed, and is a span below `parent`.

    Args:
        parent: what it is a part of.
        name: of the span.
        clock: the source of time.
        took: told of the seconds.
        client: as for `Span.child`.

    Attributes:
        started_at: when it was entered.
    """

    def __init__(
        self,
        parent: Span,
        name: str,
        clock: Clock,
        took: Callable[[float], None] = lambda _seconds: None,
        *,
        client: bool = False,
    ) -> None:
        self._parent = parent
        self._name = name
        self._monotonic = clock.monotonic
        self._took = took
        self._client = client
        self.started_at = 0.0

    def __enter__(self) -> Span:
        self.started_at = self._monotonic()
        self._span = self._parent.child(self._name, self.started_at, client=self._client)
        return self._span

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        ended_at = self._monotonic()
        self._took(ended_at - self.started_at)
        if isinstance(error, Exception):  # what was cancelled, or is not wanted any more, has not failed
            self._span.set({"error.type": type(error).__name__})
        self._span.end(ended_at)


class Trace:
    """Milliseconds by stage, and in all, of one request; each stage is a span of the request's."""

    def __init__(self, clock: Clock, span: Span = NO_SPAN) -> None:
        self._clock = clock
        self._span = span
        self._start = clock.monotonic()
        self._stages: dict[str, float] = {}

    def stage(self, name: str) -> Timed:
        """Time the block as the stage `name`."""
        return Timed(self._span, name, self._clock, lambda seconds: self.add(name, seconds))

    def add(self, name: str, seconds: float) -> None:
        """Count `seconds` towards the stage."""
        self._stages[name] = self._stages.get(name, 0.0) + seconds * 1e3

    def timings_ms(self) -> dict[str, float]:
        """Milliseconds of each stage so far, and `total` since the request began."""
        total = (self._clock.monotonic() - self._start) * 1e3
        return {name: round(value, 3) for name, value in {**self._stages, "total": total}.items()}
