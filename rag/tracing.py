"""What follows requests, by the settings: the part of the composition root that knows what exports traces."""

from __future__ import annotations

from contextlib import AsyncExitStack

from rag.errors import ConfigError
from rag.pipeline.pipeline import Observer
from rag.settings import TelemetrySettings
from rag.telemetry.answers import telling
from rag.telemetry.logs import LoggingTracer
from rag.telemetry.tracing import NoTracer, Tracer
from rag.types import Clock


def open_tracer(chosen: TelemetrySettings, clock: Clock, stack: AsyncExitStack) -> Tracer:
    """The tracer of the settings, closed with the stack.

    Raises:
        ConfigError: there is an endpoint, and nothing to export to it with.
    """
    tracer = NoTracer() if chosen.endpoint is None else _exporting(chosen.endpoint, clock)
    stack.push_async_callback(tracer.aclose)
    return LoggingTracer(tracer) if chosen.log == "json" else tracer


def observing(chosen: TelemetrySettings, observe: Observer) -> Observer:
    """`observe` that also says on each request's span how it was answered, where anybody reads that."""
    if chosen.endpoint is None and chosen.log != "json":
        return observe
    return telling(observe, content=chosen.content)


def _exporting(endpoint: str, clock: Clock) -> Tracer:
    try:
        from rag.telemetry.otel import OtelTracer  # noqa: PLC0415 - an extra, which only tracing needs
    except ImportError:
        raise ConfigError(
            "traces (STEADYRAG_TELEMETRY__ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT) need OpenTelemetry's SDK; "
            "run: pip install 'steadyrag[otel]'"
        ) from None
    return OtelTracer.exporting(endpoint, clock)
