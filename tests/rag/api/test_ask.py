import asyncio

import orjson
import pytest
from starlette.requests import Request

from rag.api.ask import deadline_of, make_ask, read_chat
from rag.api.bodies import parse_json
from rag.api.names import MODELS
from rag.api.wire import UNSUPPORTED, ChatRequest
from rag.errors import InvalidRequest, NotFound, PayloadTooLarge, UnsupportedParameter
from rag.settings import LimitSettings
from rag.types import ANONYMOUS, Space
from router.types import Message, Sampling
from tests.support.chat import chat_body
from tests.support.clock import FakeClock

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "What is a circuit breaker?"
TURN = {"role": "user", "content": QUESTION}


def request_with(body=b"", **headers):
    """A request as the door lets it in."""
    received = asyncio.Queue()
    received.put_nowait({"type": "http.request", "body": body, "more_body": False})
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": named, "state": {"request_id": "req_1"}}, received.get)


def asked(service, body, **headers):
    return make_ask(parse_json(orjson.dumps(body), ChatRequest), request_with(**headers), service, ANONYMOUS)


async def read(body, limits=None):
    sent = body if isinstance(body, bytes) else orjson.dumps(body)
    return await read_chat(request_with(sent), limits or LimitSettings())


async def test_a_request_becomes_one_principal_one_scope_one_deadline(service):
    ask = asked(service, chat_body(QUESTION, top_k=7, filters={"year": 1889}, cache="no-cache", max_age_s=60))
    assert ask.principal == ANONYMOUS
    assert ask.scope.space == Space("default", "default")
    assert ask.scope.model == "steadyrag"
    assert ask.request_id == "req_1"
    assert ask.messages == (Message("user", QUESTION),)
    assert (ask.top_k, ask.filters, ask.cache, ask.max_age_s) == (7, {"year": 1889}, "no-cache", 60)
    assert 0 < ask.deadline.remaining() <= service.settings.timeout_s


async def test_sampling_parameters_reach_the_model(service):
    named = {"temperature": 0.2, "top_p": 0.9, "seed": 7, "stop": "\n", "presence_penalty": 1, "max_tokens": 5}
    ask = asked(service, {"messages": [TURN], **named, "frequency_penalty": None})
    extra = {"presence_penalty": 1.0}
    assert ask.sampling == Sampling(5, 0.2, 0.9, ("\n",), 7, extra)


async def test_the_newer_name_of_the_token_limit_goes_first(service):
    ask = asked(service, {"messages": [TURN], "max_tokens": 5, "max_completion_tokens": 9, "stop": ["a", "b"]})
    assert (ask.sampling.max_tokens, ask.sampling.stop) == (9, ("a", "b"))


async def test_a_developer_is_a_system_and_parts_are_joined(service):
    parts = [{"type": "text", "text": "What is"}, {"type": "text", "text": "a shard?"}]
    ask = asked(
        service, {"messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": parts}]}
    )
    assert ask.messages == (Message("system", "Be brief."), Message("user", "What is\na shard?"))


@pytest.mark.parametrize(("name", "requested"), MODELS.items())
async def test_models_by_name(service, name, requested):
    assert asked(service, {"model": name, "messages": [TURN]}).model == requested


async def test_the_extras_choose_a_model_too(service):
    assert asked(service, chat_body(QUESTION, model="large")).model == "large"


CHANGES = {
    "system prompt": {"messages": [{"role": "system", "content": "Be brief."}, TURN]},
    "temperature": {"temperature": 1},
    "seed": {"seed": 1},
    "penalty": {"presence_penalty": 1},
    "top_k": {"steadyrag": {"top_k": 6}},
    "filters": {"steadyrag": {"filters": {"year": 1889}}},
    "model": {"model": "steadyrag-large"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_what_shapes_an_answer_is_part_of_its_scope(service, change):
    assert asked(service, {"messages": [TURN], **change}).scope != asked(service, {"messages": [TURN]}).scope


async def test_the_order_of_filters_is_not_part_of_the_scope(service):
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert (
        asked(service, chat_body(QUESTION, filters=one)).scope
        == asked(service, chat_body(QUESTION, filters=other)).scope
    )


async def test_what_does_not_shape_an_answer_is_not_part_of_its_scope(service):
    plain = asked(service, {"messages": [TURN]})
    other = asked(service, {"messages": [TURN], "stream": True, "user": "me", "steadyrag": {"timeout_s": 3}})
    assert plain.scope == other.scope


LIMITS = LimitSettings()
LONG = "x" * (LIMITS.question_chars + 1)
#: what is wrong -> fields of the request, the error, its param
INVALID = {
    "unknown model": ({"model": "gpt-4"}, NotFound, "model"),
    "unknown collection": ({"steadyrag": {"collection": "nowhere"}}, NotFound, "collection"),
    "empty question": ({"messages": [{"role": "user", "content": ""}]}, InvalidRequest, "messages"),
    "blank question": ({"messages": [{"role": "user", "content": " \n"}]}, InvalidRequest, "messages"),
    "no parts": ({"messages": [{"role": "user", "content": []}]}, InvalidRequest, "messages"),
    "the last turn is not the user's": (
        {"messages": [TURN, {"role": "assistant", "content": "Yes."}]},
        InvalidRequest,
        "messages",
    ),
    "long question": ({"messages": [{"role": "user", "content": LONG}]}, PayloadTooLarge, "messages"),
    "many turns": ({"messages": [TURN] * (LIMITS.messages + 1)}, PayloadTooLarge, "messages"),
    "long conversation": (
        {"messages": [{"role": "assistant", "content": "x" * LIMITS.conversation_chars}, TURN]},
        PayloadTooLarge,
        "messages",
    ),
    "top_k": ({"steadyrag": {"top_k": LIMITS.top_k + 1}}, InvalidRequest, "steadyrag.top_k"),
}


@pytest.mark.parametrize(("fields", "error", "param"), INVALID.values(), ids=INVALID)
async def test_what_is_wrong_is_said(service, fields, error, param):
    with pytest.raises(error) as told:
        asked(service, {"messages": [TURN], **fields})
    assert type(told.value) is error
    assert told.value.param == param


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
async def test_what_we_do_not_serve_is_refused_by_name(name):
    with pytest.raises(UnsupportedParameter) as told:
        await read({"messages": [TURN], name: {"any": "value"}})
    assert told.value.param == name


@pytest.mark.parametrize("n", [2, 0, "2", [2], {"a": 1}])
async def test_one_choice_only(n):
    with pytest.raises(UnsupportedParameter) as told:
        await read({"messages": [TURN], "n": n})
    assert told.value.param == "n"


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file"])
async def test_parts_that_are_no_text_are_refused_as_unsupported(kind):
    parts = [{"type": "text", "text": "What is this?"}, {"type": kind, kind: {"url": "https://example.org/a.png"}}]
    with pytest.raises(UnsupportedParameter) as told:
        await read({"messages": [{"role": "user", "content": parts}]})
    assert told.value.param == "messages"


#: what fits no field -> the field that the error names
MALFORMED = {
    "not JSON": (b"{", None),
    "not UTF-8": (b'{"messages": "\xff"}', None),
    "no object": (b"[]", None),
    "nothing": (b"", None),
    "no messages": ({}, "messages"),
    "an empty list": ({"messages": []}, "messages"),
    "a question alone": ({"messages": QUESTION}, "messages"),
    "an unknown role": ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
    "no content": ({"messages": [{"role": "user"}]}, "messages.0.content"),
    "an unknown field": ({"messages": [TURN], "modle": "steadyrag"}, "modle"),
    "an unknown extra": ({"messages": [TURN], "steadyrag": {"colection": "a"}}, "steadyrag.colection"),
    "a wrong type": ({"messages": [TURN], "temperature": "hot"}, "temperature"),
    "out of range": ({"messages": [TURN], "temperature": 3}, "temperature"),
    "a name that no collection has": (
        {"messages": [TURN], "steadyrag": {"collection": "../x"}},
        "steadyrag.collection",
    ),
    "no time": ({"messages": [TURN], "steadyrag": {"timeout_s": 0}}, "steadyrag.timeout_s"),
    "a mode of no cache": ({"messages": [TURN], "steadyrag": {"cache": "maybe"}}, "steadyrag.cache"),
}


@pytest.mark.parametrize(("body", "param"), MALFORMED.values(), ids=MALFORMED)
async def test_what_does_not_fit_is_said(body, param):
    with pytest.raises(InvalidRequest) as told:
        await read(body)
    assert type(told.value) is InvalidRequest
    assert told.value.param == param
    assert QUESTION not in told.value.message, "what was asked is not repeated"


#: Numbers that JSON can carry and 64 bits cannot.
HUGE = 2**64


@pytest.mark.parametrize("name", ["seed", "max_tokens", "max_completion_tokens"])
async def test_numbers_beyond_64_bits_are_refused(name):
    huge = b'{"messages": [{"role": "user", "content": "x"}], "%s": %d}' % (name.encode(), HUGE)
    with pytest.raises(InvalidRequest) as told:
        await read(huge)
    assert told.value.param == name


async def test_filters_beyond_64_bits_are_refused():
    body = b'{"messages": [{"role": "user", "content": "x"}], "steadyrag": {"filters": {"year": %d}}}' % HUGE
    with pytest.raises(InvalidRequest):
        await read(body)


@pytest.mark.parametrize(
    ("asked_s", "headers", "expected_s"),
    [
        (None, {}, 30.0),
        (None, {"x_request_timeout": "2.5"}, 2.5),
        (4.0, {}, 4.0),
        (4.0, {"x_request_timeout": "2.5"}, 4.0),
    ],
    ids=["settings", "header", "body", "the body goes first"],
)
async def test_the_time_limit(make_service, asked_s, headers, expected_s):
    service = await make_service(documents=(), clock=FakeClock(), timeout_s=30.0)
    deadline = deadline_of(request_with(**headers), asked_s, service)
    assert deadline.remaining() == expected_s


@pytest.mark.parametrize("value", ["soon", "0", "-1", "601", "nan", "inf", ""])
async def test_a_header_that_is_no_time_limit(service, value):
    with pytest.raises(InvalidRequest):
        deadline_of(request_with(x_request_timeout=value), None, service)
