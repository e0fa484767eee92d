import sys
from contextlib import AsyncExitStack

import pytest

from rag.errors import ConfigError
from rag.settings import TelemetrySettings
from rag.telemetry.logs import LoggingTracer
from rag.telemetry.otel import OtelTracer
from rag.telemetry.tracing import NoTracer
from rag.tracing import observing, open_tracer

ENDPOINT = "http://127.0.0.1:9/v1/traces"


async def opened(clock, **chosen):
    async with AsyncExitStack() as stack:
        return open_tracer(TelemetrySettings(**chosen), clock, stack)


async def test_who_sets_nothing_is_not_followed(clock):
    assert isinstance(await opened(clock), NoTracer)

    def observe(ask, answer):
        """Told of answers."""

    assert observing(TelemetrySettings(), observe) is observe


async def test_an_endpoint_exports_and_json_logs(clock):
    assert isinstance(await opened(clock, endpoint=ENDPOINT), OtelTracer)
    assert isinstance(await opened(clock, log="json"), LoggingTracer)


async def test_without_the_extra_an_endpoint_is_refused_with_what_mends_it(clock, monkeypatch):
    monkeypatch.setitem(sys.modules, "rag.telemetry.otel", None)
    with pytest.raises(ConfigError, match=r"pip install 'steadyrag\[otel\]'"):
        await opened(clock, endpoint=ENDPOINT)
