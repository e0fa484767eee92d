import threading

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from rag.telemetry.otel import OtelTracer
from rag.telemetry.tracing import Arrived

TRACE_ID, CALLER_ID = "a" * 32, "b" * 16


def arrived(**context):
    return Arrived("req_1", "POST", "http", "/v1/documents/7", context)


@pytest.fixture
def exported():
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exported, clock):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exported))
    return OtelTracer(provider, clock)


def ids(span):
    context = span.get_span_context()
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def test_a_request_goes_on_with_its_callers_trace_at_the_clocks_times(tracer, exported, clock):
    span = tracer.request(arrived(traceparent=f"00-{TRACE_ID}-{CALLER_ID}-01"), clock.monotonic())
    clock.advance(0.25)
    span.set({"http.route": "/v1/documents/{id}", "http.response.status_code": 200})
    span.end(clock.monotonic())
    (told,) = exported.get_finished_spans()
    assert (told.name, told.kind) == ("POST /v1/documents/{id}", SpanKind.SERVER)
    assert ids(told)[0] == TRACE_ID
    assert f"{told.parent.span_id:016x}" == CALLER_ID
    assert (told.start_time, told.end_time) == (1_700_000_000 * 10**9, 1_700_000_000_250 * 10**6)
    assert told.status.status_code is StatusCode.UNSET
    assert dict(told.attributes) == {
        "http.request.method": "POST",
        "url.scheme": "http",
        "url.path": "/v1/documents/7",
        "steadyrag.request_id": "req_1",
        "http.route": "/v1/documents/{id}",
        "http.response.status_code": 200,
    }


def test_stages_and_calls_stand_below_it_and_hand_on_their_own_ids(tracer, exported, clock):
    request = tracer.request(arrived(), clock.monotonic())
    stage = request.child("generate", clock.monotonic())
    call = stage.child("chat m", clock.monotonic(), client=True)
    context = call.context
    for span in (call, stage, request):
        span.end(clock.monotonic())
    told_call, told_stage, told_request = exported.get_finished_spans()
    assert [told_call.kind, told_stage.kind] == [SpanKind.CLIENT, SpanKind.INTERNAL]
    assert told_call.parent.span_id == told_stage.get_span_context().span_id
    assert told_stage.parent.span_id == told_request.get_span_context().span_id
    assert context["traceparent"].startswith("00-{}-{}-".format(*ids(told_call)))


def test_what_failed_has_the_status_of_an_error(tracer, exported, clock):
    span = tracer.request(arrived(), clock.monotonic())
    span.set({"error.type": "503"})
    span.end(clock.monotonic())
    assert exported.get_finished_spans()[0].status.status_code is StatusCode.ERROR


def test_a_trace_that_the_caller_does_not_keep_is_not_exported_and_still_handed_on(tracer, exported, clock):
    span = tracer.request(arrived(traceparent=f"00-{TRACE_ID}-{CALLER_ID}-00"), clock.monotonic())
    call = span.child("chat m", clock.monotonic(), client=True)
    assert call.context["traceparent"].startswith(f"00-{TRACE_ID}-")
    assert call.context["traceparent"].endswith("-00")
    for each in (call, span):
        each.end(clock.monotonic())
    assert exported.get_finished_spans() == ()


class Hanging(SpanExporter):
    """A collector that takes the connection and says nothing, until it is let go."""

    def __init__(self):
        self.let_go = threading.Event()

    def export(self, spans):
        self.let_go.wait()


async def test_a_collector_that_hangs_holds_up_neither_requests_nor_the_end(clock, caplog):
    hanging = Hanging()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(hanging, max_queue_size=4, max_export_batch_size=2))
    tracer = OtelTracer(provider, clock, close_s=0.01)
    for _ in range(20):
        tracer.request(arrived(), clock.monotonic()).end(clock.monotonic())
    await tracer.aclose()
    assert "the last traces were not handed over" in caplog.text
    hanging.let_go.set()


async def test_what_is_exported_names_the_service_as_the_environment_does(clock, monkeypatch, exported):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=ours,deployment.environment.name=test")
    urls = []
    monkeypatch.setattr("rag.telemetry.otel.OTLPSpanExporter", lambda url: urls.append(url) or exported)
    monkeypatch.setattr("rag.telemetry.otel.BatchSpanProcessor", SimpleSpanProcessor)
    tracer = OtelTracer.exporting("http://collector:4318/v1/traces", clock)
    tracer.request(arrived(), clock.monotonic()).end(clock.monotonic())
    (told,) = exported.get_finished_spans()
    await tracer.aclose()
    assert urls == ["http://collector:4318/v1/traces"]
    assert told.resource.attributes["service.name"] == "ours"
    assert told.resource.attributes["deployment.environment.name"] == "test"
