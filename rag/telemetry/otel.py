"""Traces by OpenTelemetry's SDK, exported by OTLP over HTTP; the only module that knows that library.

The SDK reads its own names in the environment: sampler (`OTEL_TRACES_SAMPLER`), resource (`OTEL_SERVICE_NAME`,
`OTEL_RESOURCE_ATTRIBUTES`), batches (`OTEL_BSP_*`), and the exporter's headers, timeout, compression and certificates
(`OTEL_EXPORTER_OTLP_*`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span as ApiSpan
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace import Tracer as ApiTracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from rag.pipeline.trace import Attributes
from rag.telemetry.tracing import Arrived
from rag.types import Clock
from rag.version import __version__

log = logging.getLogger(__name__)

#: What the last spans have to be handed over at the end of the service.
CLOSE_S = 2.0
_W3C = TraceContextTextMapPropagator()


class OtelTracer:
    """A `Tracer` over a provider, which it closes.

    Args:
        provider: makes the spans and exports them.
        clock: the source of time.
        close_s: bound of `aclose`, seconds; what was not handed over by then is lost.
    """

    def __init__(self, provider: TracerProvider, clock: Clock, *, close_s: float = CLOSE_S) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("steadyrag", __version__)
        self._clock = clock
        self._close_s = close_s

    @classmethod
    def exporting(cls, endpoint: str, clock: Clock) -> OtelTracer:
        """One that a thread of its own exports in batches to the URL; what a full queue has no room for is lost."""
        ours = {SERVICE_NAME: "steadyrag", SERVICE_VERSION: __version__}
        resource = Resource.create({**ours, **OTELResourceDetector().detect().attributes})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        return cls(provider, clock)

    def request(self, arrived: Arrived, started_at: float) -> OtelSpan:
        """See `Tracer`."""
        offset_ns = _ns(self._clock.now()) - _ns(self._clock.monotonic())
        span = self._tracer.start_span(
            arrived.method,
            _W3C.extract(arrived.context, Context()),
            SpanKind.SERVER,
            {
                "http.request.method": arrived.method,
                "url.scheme": arrived.scheme,
                "url.path": arrived.path,
                "steadyrag.request_id": arrived.id,
            },
            start_time=_ns(started_at) + offset_ns,
        )
        return OtelSpan(span, self._tracer, offset_ns, arrived.method)

    async def aclose(self) -> None:
        """See `Tracer`."""
        # a thread that ends with the process: the SDK waits for an exporter that hangs for up to half a minute
        closing = threading.Thread(target=self._provider.shutdown, name="close-traces", daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, self._close_s)
        if closing.is_alive():
            log.warning("the last traces were not handed over within %.0f s", self._close_s)


@dataclass(frozen=True, slots=True)
class OtelSpan:
    """A `Span` of the SDK.

    Attributes:
        span: the SDK's.
        tracer: makes the spans below it.
        offset_ns: from the clock's monotonic time to that since the Unix epoch.
        method: of the request whose span this is; with its route it makes the name.
    """

    span: ApiSpan
    tracer: ApiTracer
    offset_ns: int
    method: str = ""

    @property
    def context(self) -> Mapping[str, str]:
        """See `Span`."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, self._as_parent())
        return carrier

    def child(self, name: str, started_at: float, *, client: bool = False) -> OtelSpan:
        """See `Span`."""
        kind = SpanKind.CLIENT if client else SpanKind.INTERNAL
        start_time = _ns(started_at) + self.offset_ns
        span = self.tracer.start_span(name, self._as_parent(), kind, start_time=start_time)
        return OtelSpan(span, self.tracer, self.offset_ns)

    def set(self, attributes: Attributes) -> None:
        """See `Span`."""
        self.span.set_attributes(dict(attributes))
        if "error.type" in attributes:
            self.span.set_status(Status(StatusCode.ERROR))
        if "http.route" in attributes:
            self.span.update_name(f"{self.method} {attributes['http.route']}")

    def end(self, ended_at: float) -> None:
        """See `Span`."""
        self.span.end(_ns(ended_at) + self.offset_ns)

    def _as_parent(self) -> Context:
        return set_span_in_context(self.span, Context())


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
