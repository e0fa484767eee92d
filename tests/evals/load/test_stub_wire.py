import orjson
import pytest

from evals.errors import BadRequest
from evals.load.stub_wire import ChatRequest, Completion, error, parse

COMPLETION = Completion("c1", "m-stub", 5, ["a ", "b "], events=3)


def payload(event):
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    return orjson.loads(event[6:])


def test_reads_what_it_needs():
    messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "why?"}]
    body = {"messages": messages, "max_tokens": 5, "stream": True, "stream_options": {"include_usage": True}}
    assert parse(orjson.dumps(body)) == ChatRequest(["be", "kind", "why?"], 5, stream=True, include_usage=True)
    assert parse(orjson.dumps({"messages": messages[1:]})) == ChatRequest(
        ["why?"], None, stream=False, include_usage=False
    )


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"messages": [{}]}', b'{"messages": 1}', b'{"messages": [], "max_tokens": "x"}']
)
def test_refuses_other_bodies(body):
    with pytest.raises(BadRequest, match="not a chat request"):
        parse(body)


def test_events_carry_the_tokens_in_turn():
    events = [payload(COMPLETION.event(number)) for number in range(3)]
    assert [event["choices"][0]["delta"] for event in events] == [
        {"content": "a ", "role": "assistant"},
        {"content": "b "},
        {"content": "a "},
    ]
    assert [event["choices"][0]["finish_reason"] for event in events] == [None, None, "stop"]
    assert {(event["id"], event["model"], event["object"]) for event in events} == {
        ("c1", "m-stub", "chat.completion.chunk")
    }


def test_the_tail_has_usage_for_those_who_asked():
    assert COMPLETION.tail(None) == b"data: [DONE]\n\n"
    usage, done = COMPLETION.tail({"total_tokens": 1}).split(b"\n\n", 1)
    assert (orjson.loads(usage[6:])["usage"], done) == ({"total_tokens": 1}, b"data: [DONE]\n\n")


def test_the_whole_answer_is_the_same_text():
    answer = orjson.loads(COMPLETION.whole({"total_tokens": 1}))
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "a b a "}
    assert (answer["object"], answer["usage"]) == ("chat.completion", {"total_tokens": 1})


def test_errors_have_openai_shape():
    assert orjson.loads(error(503, "full"))["error"]["message"] == "full"
