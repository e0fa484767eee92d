from rag.api.completion import completion, extras, usage
from tests.support.answered import ANSWER, ASK, CREATED, EXTRAS, USAGE, on_the_wire


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
