import json

import orjson

from cache.types import Verdict
from rag.api.reply import DONE, completion, extras, headers, sse, usage
from rag.errors import DependencyFailed
from rag.pipeline.request import Answer, Ask, CacheOutcome, Cost, Delta, Plan
from rag.types import ANONYMOUS, Citation, Deadline, Passage, RouteOutcome, Scope, ScoredPassage, Space
from router.types import Message, TokenUsage
from tests.support.clock import FakeClock

ASK = Ask(
    principal=ANONYMOUS,
    scope=Scope(Space("default", "default"), "steadyrag", ""),
    deadline=Deadline.after(30, FakeClock()),
    request_id="req_1",
    messages=(Message("user", "How tall?"),),
)
PASSAGE = Passage("p1", "tower", 0, "It is 330 metres tall.", "Eiffel Tower", "Size", "https://example.org", 9)
ANSWER = Answer(
    text="It is 330 metres tall. [1]",
    answered=True,
    citations=(Citation("[1]", "p1", 0, 26),),
    sources=(ScoredPassage(PASSAGE, 0.5),),
    finish_reason="stop",
    usage=TokenUsage(90, 7, 64),
    cache=CacheOutcome(Verdict.EXACT, 1.0, 2.5, "same"),
    route=RouteOutcome("extractive", "gain 0.100 < 0.500", 0.1, "small", "score"),
    degraded=("shards:3/4",),
    timings_ms={"total": 1.5},
    cost=Cost(saved=0.002),
)
PLAN = Plan(ANSWER.cache, ANSWER.route, ANSWER.degraded)
CREATED = 1_600_000_000
EXTRAS = {
    "citations": [{"marker": "[1]", "source": "p1", "start": 0, "end": 26}],
    "sources": [
        {
            "id": "p1",
            "document_id": "tower",
            "title": "Eiffel Tower > Size",
            "url": "https://example.org",
            "score": 0.5,
            "text": "It is 330 metres tall.",
        }
    ],
    "steadyrag": {
        "request_id": "req_1",
        "answered": True,
        "cache": {"verdict": "exact", "similarity": 1.0, "age_s": 2.5, "reason": "same"},
        "route": {
            "model": "extractive",
            "reason": "gain 0.100 < 0.500",
            "score": 0.1,
            "tier": "small",
            "rule": "score",
        },
        "cost": {"amount": 0.0, "saved": 0.002},
        "degraded": ["shards:3/4"],
        "timings_ms": {"total": 1.5},
    },
}
USAGE = {
    "prompt_tokens": 90,
    "completion_tokens": 7,
    "total_tokens": 97,
    "prompt_tokens_details": {"cached_tokens": 64},
}


def on_the_wire(content):
    return json.loads(orjson.dumps(content))


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


def test_usage_as_openai_names_it():
    assert usage(ANSWER) == USAGE


def test_extras():
    assert on_the_wire(extras(ASK, ANSWER)) == EXTRAS


def test_a_completion():
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": ANSWER.text, "refusal": None},
        "finish_reason": "stop",
        "logprobs": None,
    }
    assert on_the_wire(completion(ASK, ANSWER, CREATED)) == {
        "id": "chatcmpl-req_1",
        "object": "chat.completion",
        "created": CREATED,
        "model": "extractive",
        "choices": [choice],
        "usage": USAGE,
        **EXTRAS,
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
