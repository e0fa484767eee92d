import pytest

from rag.pipeline.trace import NO_SPAN
from rag.telemetry.tracing import Arrived, NoTracer, callers_context

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"
ARRIVED = Arrived("req_1", "POST", "http", "/v1/search", {"traceparent": PARENT})


def test_who_follows_nobody_hands_on_the_callers_trace():
    assert NoTracer().request(ARRIVED, 0.0).context == {"traceparent": PARENT}
    assert NoTracer().request(Arrived("req_1", "GET", "http", "/"), 0.0) is NO_SPAN


def test_the_callers_trace_is_read_with_its_state():
    headers = {b"traceparent": PARENT.encode(), b"tracestate": b"vendor=1"}
    assert callers_context(headers) == {"traceparent": PARENT, "tracestate": "vendor=1"}
    assert callers_context({b"traceparent": PARENT.encode(), b"tracestate": b"a\n"}) == {"traceparent": PARENT}
    assert callers_context({b"tracestate": b"vendor=1"}) == {}


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"\xff",
        PARENT.encode() + b"\n",
        PARENT.upper().encode(),
        PARENT.replace("a", "0").encode(),
        PARENT.replace("b", "0").encode(),
        b"ff" + PARENT.encode()[2:],
        PARENT.encode() + b"-more",
    ],
)
def test_a_malformed_trace_goes_nowhere(given):
    assert callers_context({b"traceparent": given}) == {}
