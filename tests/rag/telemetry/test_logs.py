import asyncio
import io
import json
import logging
import sys

import pytest

from rag.telemetry.logs import REQUESTS, JsonFormatter, LoggingTracer, log_json
from rag.telemetry.tracing import Arrived, NoTracer
from tests.support.spans import KeptSpan

TRACE_ID = "a" * 32
ARRIVED = Arrived("req_1", "POST", "http", "/v1/search", {"traceparent": f"00-{TRACE_ID}-{'b' * 16}-01"})


@pytest.fixture
def lines(monkeypatch):
    """What was logged as JSON; the loggers are as before afterwards."""
    stream = io.StringIO()
    monkeypatch.setattr(logging.root, "handlers", [])
    level = REQUESTS.level
    log_json(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    REQUESTS.setLevel(level)


async def test_a_request_is_one_line_with_its_ids_and_nothing_of_its_content(lines):
    async def request():
        span = LoggingTracer(NoTracer()).request(ARRIVED, 10.0)
        span.set({"steadyrag.tenant": "acme", "gen_ai.input.messages": "secret", "url.path": "/secret"})
        span.set({"steadyrag.cache.verdict": "miss", "steadyrag.degraded": ["stale-cache"]})
        span.set({"http.route": "/v1/search", "http.response.status_code": 200})
        span.end(10.0125)

    await asyncio.create_task(request())
    (line,) = lines()
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "steadyrag.requests",
        "message": "request",
        "request_id": "req_1",
        "trace_id": TRACE_ID,
        "method": "POST",
        "route": "/v1/search",
        "status": 200,
        "ms": 12.5,
        "tenant": "acme",
        "cache": "miss",
        "degraded": ["stale-cache"],
    }


async def test_what_is_logged_meanwhile_bears_the_ids_and_other_requests_have_theirs(lines):
    log = logging.getLogger("rag.somewhere")

    async def request(number):
        LoggingTracer(NoTracer()).request(Arrived(f"req_{number}", "GET", "http", "/"), 0.0)
        await asyncio.sleep(0)
        await asyncio.create_task(asyncio.to_thread(log.warning, "odd %d", number))

    await asyncio.gather(*(asyncio.create_task(request(number)) for number in range(3)))
    log.warning("nobody's")
    *theirs, nobodys = lines()
    assert sorted((line["message"], line["request_id"]) for line in theirs) == [
        (f"odd {number}", f"req_{number}") for number in range(3)
    ]
    assert "request_id" not in nobodys


def test_an_exception_is_one_line_with_its_traceback():
    try:
        int("no")
    except ValueError:
        record = logging.LogRecord("rag", logging.ERROR, "", 0, "defect", None, sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("'no'")


def test_the_inner_tracers_span_is_told_everything():
    inner = KeptSpan()

    class Inner(NoTracer):
        def request(self, arrived, started_at):
            return inner

    span = LoggingTracer(Inner()).request(ARRIVED, 0.0)
    span.set({"url.path": "/v1/search"})
    child = span.child("embed", 1.0)
    span.end(2.0)
    assert (inner.attributes, inner.children, inner.ended_at) == ({"url.path": "/v1/search"}, [child], 2.0)
