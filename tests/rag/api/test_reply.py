import json

from rag.api.reply import DONE, headers, sse
from rag.errors import DependencyFailed
from rag.pipeline.request import Delta, Plan
from tests.support.answered import ANSWER, ASK, CREATED, EXTRAS, USAGE

PLAN = Plan(ANSWER.cache, ANSWER.route, ANSWER.degraded)


async def events(*items):
    for item in items:
        if isinstance(item, Exception):
            raise item
        yield item


async def frames(*items, include_usage=False):
    """The frames of a stream over the events, each without what makes it one."""
    sent = [frame async for frame in sse(ASK, PLAN, events(*items), CREATED, include_usage=include_usage)]
    assert all(frame.startswith(b"data: ") and frame.endswith(b"\n\n") and frame.count(b"\n") == 2 for frame in sent)
    return [frame[6:-2] for frame in sent]


def test_headers_say_what_is_known_before_the_first_word():
    assert headers(PLAN) == {
        "x-steadyrag-cache": "exact",
        "x-steadyrag-cache-similarity": "1.0000",
        "x-steadyrag-cache-age": "2",
        "x-steadyrag-model": "extractive",
        "x-steadyrag-degraded": "shards:3/4",
    }


HEAD = {"id": "chatcmpl-req_1", "object": "chat.completion.chunk", "created": CREATED, "model": "extractive"}


def chunk(delta, finish_reason=None, **more):
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return HEAD | {"choices": [choice]} | more


async def test_a_stream():
    *sent, done = await frames(Delta("It is 330 "), Delta("metres tall. [1]"), ANSWER)
    assert [json.loads(frame) for frame in sent] == [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "It is 330 "}),
        chunk({"content": "metres tall. [1]"}),
        chunk({}, "stop", **EXTRAS),
    ]
    assert b"data: %s\n\n" % done == DONE


async def test_a_stream_with_usage():
    first, words, last, counts, _ = await frames(Delta("It is"), ANSWER, include_usage=True)
    assert [json.loads(frame)["usage"] for frame in (first, words, last)] == [None, None, None]
    assert json.loads(counts) == HEAD | {"choices": [], "usage": USAGE} | EXTRAS


async def test_line_breaks_stay_inside_an_event():
    _, words, *_ = await frames(Delta("a\n\ndata: b\r\u2028"), ANSWER)
    assert json.loads(words)["choices"][0]["delta"]["content"] == "a\n\ndata: b\r\u2028"


async def test_an_error_ends_the_stream_without_done():
    *_, last = await frames(Delta("It is"), DependencyFailed("model small: reset"))
    error = {"message": "model small: reset", "type": "server_error", "param": None, "code": "dependency_failed"}
    assert json.loads(last) == {"error": error}


async def test_of_a_foreign_error_the_class_alone_goes_out(caplog):
    *_, last = await frames(Delta("It is"), KeyError("what the user asked"))
    error = {
        "message": "internal error (KeyError)",
        "type": "server_error",
        "param": None,
        "code": "internal_error",
    }
    assert json.loads(last) == {"error": error}
    (record,) = caplog.records
    assert record.exc_info[0] is KeyError, "its traceback is logged"
