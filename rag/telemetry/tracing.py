"""Who follows requests from the door on: the port of tracing, and its twin that follows none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rag.pipeline.trace import NO_SPAN, NoSpan, Span

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
#: Version 00 of W3C Trace Context, section 3.2: what follows an unknown version is left alone, as are ids of zeros.
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
#: Printable ASCII, section 3.3; vendors' own beyond that.
_TRACESTATE = re.compile(r"[ -~]{1,512}")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request at the door.

    Attributes:
        id: its request id.
        context: the trace that its caller has, as W3C Trace Context headers, those alone that are well-formed.
    """

    id: str
    method: str
    scheme: str
    path: str
    context: Mapping[str, str] = field(default_factory=dict)


class Tracer(Protocol):
    """Follows requests."""

    def request(self, arrived: Arrived, started_at: float) -> Span:
        """The span of a request that came at `started_at`, in monotonic seconds; whoever asks for it ends it."""

    async def aclose(self) -> None:
        """Hand over what was not yet handed over, within seconds."""


class NoTracer:
    """Follows nobody, and costs nothing; model servers still hear of the caller's trace."""

    def request(self, arrived: Arrived, started_at: float) -> NoSpan:
        """See `Tracer`."""
        return NoSpan(arrived.context) if arrived.context else NO_SPAN

    async def aclose(self) -> None:
        """Nothing is held."""


def callers_context(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """The trace context in the headers of a request; nothing where it is malformed, for it goes into logs and calls."""
    parent = headers.get(b"traceparent")
    if parent is None or not _TRACEPARENT.fullmatch(told := parent.decode("latin-1")):
        return {}
    state = headers.get(b"tracestate", b"").decode("latin-1")
    return {TRACEPARENT: told, TRACESTATE: state} if _TRACESTATE.fullmatch(state) else {TRACEPARENT: told}
