"""What operators see of a request: its spans, and its line in the log."""

import io
import json
import logging

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from rag.telemetry.logs import REQUESTS, log_json
from router.errors import ModelUnavailable
from tests.support.corpus import QUESTION
from tests.support.seams import raises

TRACE_ID = "a" * 32
CALLER = {"traceparent": f"00-{TRACE_ID}-{'b' * 16}-01", "x-request-id": "req_1"}


@pytest.fixture
def exported(monkeypatch):
    memory = InMemorySpanExporter()
    monkeypatch.setattr("rag.telemetry.otel.OTLPSpanExporter", lambda _url: memory)
    monkeypatch.setattr("rag.telemetry.otel.BatchSpanProcessor", SimpleSpanProcessor)
    return memory


@pytest.fixture
def log(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(logging.root, "handlers", [])
    level = REQUESTS.level
    log_json(stream)
    yield stream
    REQUESTS.setLevel(level)


@pytest.fixture
async def make_traced(make, exported):
    async def made(**telemetry):
        chosen = {"endpoint": "http://collector:4318/v1/traces", "log": "json", **telemetry}
        return await make(telemetry=chosen)

    return made


def tree(spans):
    """Name of each span -> name of its parent."""
    names = {span.get_span_context().span_id: span.name for span in spans}
    return {span.name: names.get(span.parent.span_id) for span in spans}


async def test_a_request_is_one_trace_from_its_caller_to_the_models(make_traced, exported, log):
    service = await make_traced()
    service.seams.fault("model:large", raises(lambda: ModelUnavailable("no", model="large")))
    reply = await service.ask(model="steadyrag-large", headers=CALLER)
    assert reply.degraded == ["model-fallback:small"]
    spans = exported.get_finished_spans()
    route = "POST /v1/chat/completions"
    assert {f"{span.get_span_context().trace_id:032x}" for span in spans} == {TRACE_ID}
    assert tree(spans) == {
        **dict.fromkeys(("embed", "retrieve", "route", "generate"), route),
        "chat large": "generate",
        "chat small": "generate",
        route: None,
    }
    by_name = {span.name: span for span in spans}
    assert by_name["chat large"].attributes["error.type"] == "ModelUnavailable"
    assert by_name["chat small"].attributes["gen_ai.usage.output_tokens"] == 7
    told = by_name[route].attributes
    assert told["steadyrag.degraded"] == ("model-fallback:small",)
    assert (told["steadyrag.cache.verdict"], told["gen_ai.response.model"]) == ("bypass", "small")
    assert (told["steadyrag.tenant"], told["http.response.status_code"]) == ("default", 200)

    (line,) = map(json.loads, log.getvalue().splitlines())
    assert (line["request_id"], line["trace_id"]) == ("req_1", TRACE_ID)
    assert (line["tenant"], line["status"], line["cache"]) == ("default", 200, "bypass")
    assert (line["model"], line["degraded"]) == ("small", ["model-fallback:small"])


@pytest.mark.parametrize("content", [False, True])
async def test_the_text_of_questions_passages_and_answers_is_told_only_by_setting(make_traced, exported, log, content):
    service = await make_traced(content=content)
    await service.ask()
    await service.search()
    await service.stream()
    said = "".join(span.to_json() for span in exported.get_finished_spans())
    for text in (QUESTION, "330 metres"):
        assert (text in said) == content
        assert text not in log.getvalue()


async def test_what_goes_wrong_is_told_by_its_code_and_probes_are_passed_over(make_traced, exported, log):
    service = await make_traced()
    await service.http.get("/health")
    await service.http.get("/metrics")
    await service.http.get("/v1/jobs/nothing")
    (span,) = exported.get_finished_spans()
    assert (span.name, span.attributes["steadyrag.error"]) == ("GET /v1/jobs/{job_id}", "not_found")
    assert span.status.is_unset, "what the client did wrong is no error of the service"
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert (line["status"], line["code"], line["route"]) == (404, "not_found", "/v1/jobs/{job_id}")
