"""The flow of the users, with Locust's part played by what stands here: it is no dependency of the package."""

import importlib.util
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

FILE = Path(__file__).parents[2] / "evals" / "locustfile.py"


def stream(*contents):
    events = [{"choices": [{"delta": {"content": content}}]} for content in contents] + [{"choices": []}]
    return [f"data: {json.dumps(event)}".encode() for event in events] + [b"", b"data: [DONE]"]


class Reply:
    def __init__(self, lines, status_code=200):
        self.ok, self.status_code, self.lines, self.failed = status_code == 200, status_code, lines, []
        self.failure = self.failed.append
        self.request_meta = {"response_time": -1.0}

    def iter_lines(self):
        return iter(self.lines)


@pytest.fixture
def locustfile(monkeypatch):
    fake = ModuleType("locust")
    fired = []
    fake.HttpUser = object
    fake.between = lambda *_: None
    fake.task = lambda function: function
    fake.events = SimpleNamespace(request=SimpleNamespace(fire=lambda **fields: fired.append(fields)))
    monkeypatch.setitem(sys.modules, "locust", fake)
    spec = importlib.util.spec_from_file_location("locustfile", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.fired = fired
    return module


@pytest.fixture
def converse(locustfile):
    """One conversation with these replies; gives what was sent."""

    def run(*replies):
        user, sent, left = locustfile.Reader(), [], iter(replies)

        def post(url, *, json, name, **_):
            sent.append((name, [dict(message) for message in json["messages"]]))
            return nullcontext(next(left))

        user.client, user.wait = SimpleNamespace(post=post), lambda: None
        user.converse()
        return sent

    return run


def test_each_turn_carries_what_was_said_before(locustfile, converse, monkeypatch):
    monkeypatch.setattr(locustfile, "CONVERSATIONS", [("first?", "second?")])
    last = Reply(stream("c"))
    sent = converse(Reply(stream("a", "b")), last)
    assert [name for name, _ in sent] == ["turn 1", "turn 2"]
    assert [message["content"] for message in sent[1][1]] == ["first?", "ab", "second?"]
    assert [(fields["request_type"], fields["name"]) for fields in locustfile.fired] == [
        ("TTFT", "turn 1"),
        ("TTFT", "turn 2"),
    ]
    assert last.request_meta["response_time"] >= locustfile.fired[-1]["response_time"] >= 0


@pytest.mark.parametrize("reply", [Reply([], 503), Reply([b'data: {"error": {}}']), Reply(stream())])
def test_a_failure_ends_the_conversation(converse, reply):
    assert len(converse(reply)) == 1
    assert len(reply.failed) == 1
