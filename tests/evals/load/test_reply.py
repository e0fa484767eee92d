import orjson
import pytest

from evals.load.reply import Reply

OWN = {
    "cache": {"verdict": "stale"},
    "route": {"model": "large"},
    "degraded": ["stale-cache"],
    "timings_ms": {"embed": 1},
}
USAGE = {"prompt_tokens": 7, "completion_tokens": 2}


def event(**fields):
    return b"data: " + orjson.dumps(fields) + b"\n\n"


def delta(content, reason=None):
    return event(model="m", choices=[{"delta": {"content": content}, "finish_reason": reason}])


def streamed(*pieces, headers=None, end=9.0):
    reply = Reply()
    reply.head(200, {"content-type": "text/event-stream; charset=utf-8"} | (headers or {}))
    for at, piece in enumerate(pieces, start=1):
        reply.body(piece, float(at))
    reply.end(end)
    return reply


def test_stream_times_are_those_of_the_contents():
    role = event(choices=[{"delta": {"role": "assistant", "content": ""}}])
    reply = streamed(
        role, delta("a"), delta("b"), delta("", "stop"), event(choices=[], usage=USAGE), b"data: [DONE]\n\n"
    )
    assert (reply.content_at, reply.ended_at, reply.error) == ([2.0, 3.0], 9.0, None)
    assert (reply.model, reply.prompt_tokens, reply.completion_tokens) == ("m", 7, 2)
    assert reply.verdict is None


def test_events_that_arrive_together_carry_one_time_each():
    assert streamed(delta("a") + delta("b")[:9], delta("b")[9:] + b"data: [DONE]\n\n").content_at == [1.0, 2.0]


def test_json_has_one_content_at_its_end():
    reply = Reply()
    reply.head(200, {"content-type": "application/json"})
    body = orjson.dumps({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "usage": USAGE})
    reply.body(body[:5], 1.0)
    reply.body(body[5:], 2.0)
    reply.end(3.0)
    assert (reply.content_at, reply.ended_at, reply.error, reply.completion_tokens) == ([3.0], 3.0, None, 2)


def test_headers_tell_cache_model_and_rung():
    headers = {
        "x-steadyrag-cache": "miss",
        "x-steadyrag-model": "small",
        "x-steadyrag-degraded": "shards:3/4, rerank-skipped",
    }
    reply = streamed(delta("a", "stop"), headers=headers)
    assert (reply.verdict, reply.model, reply.degraded) == ("miss", "small", ["shards:3/4", "rerank-skipped"])


def test_the_last_event_overrules_the_headers():
    last = event(choices=[{"delta": {}, "finish_reason": "stop"}], steadyrag=OWN)
    reply = streamed(delta("a"), last, headers={"x-steadyrag-cache": "miss", "x-steadyrag-model": "small"})
    assert (reply.verdict, reply.model, reply.degraded) == ("stale", "large", ["stale-cache"])
    assert reply.timings_ms == {"embed": 1}


def test_refusals_keep_status_and_retry_after():
    reply = Reply()
    reply.head(503, {"retry-after": "2", "content-type": "application/json"})
    reply.body(b'{"error": {}}', 1.0)
    reply.end(1.0)
    assert (reply.status, reply.error, reply.retry_after, reply.content_at) == (503, "http_503", "2", [])


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ([delta("a")], "incomplete"),
        ([], "incomplete"),
        ([delta("a"), event(error={"message": "died"}), b"data: [DONE]\n\n"], "stream_error"),
        ([b"data: {nope\n\n"], "protocol"),
        ([b"data: [1]\n\n"], "protocol"),
        ([event(choices=[1])], "protocol"),
        ([event(choices=[], steadyrag={"cache": {}})], "protocol"),
    ],
)
def test_what_is_no_whole_answer_is_an_error(pieces, error):
    assert streamed(*pieces).error == error


def test_json_without_an_answer_is_an_error():
    reply = Reply()
    reply.head(200, {"content-type": "text/html"})
    reply.body(b"<html>", 1.0)
    reply.end(1.0)
    assert reply.error == "protocol"


def test_the_first_failure_stays():
    reply = Reply()
    reply.head(503, {})
    reply.fail("disconnect", 4.0)
    assert (reply.error, reply.ended_at) == ("http_503", 4.0)
