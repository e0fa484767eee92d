import json

import pytest

from cache.types import Verdict
from rag.pipeline.request import Answer, Ask, CacheOutcome, Cost
from rag.telemetry.answers import attributes_of, content_of, telling
from rag.types import ANONYMOUS, Deadline, Passage, RouteOutcome, Scope, ScoredPassage, Space
from router.types import Message, TokenUsage
from tests.support.spans import KeptSpan

QUESTION, PASSAGE, REPLY = "How tall is it?", "The tower is 330 metres tall.", "330 metres. [1]"


@pytest.fixture
def ask(clock):
    scope = Scope(Space("acme", "handbook"), "steadyrag", "")
    return Ask(ANONYMOUS, scope, Deadline.after(30, clock), "req_1", (Message("user", QUESTION),), span=KeptSpan())


ANSWER = Answer(
    text=REPLY,
    answered=True,
    citations=(),
    sources=(ScoredPassage(Passage("p", "d", 0, PASSAGE), 0.5),),
    finish_reason="stop",
    usage=TokenUsage(90, 7),
    cache=CacheOutcome(Verdict.MISS, reason="not stored"),
    route=RouteOutcome("llama", "worth it", 0.25, "large", "score"),
    degraded=("rerank-skipped",),
    cost=Cost(0.5),
)


def test_it_is_told_how_an_answer_came_about(ask):
    assert attributes_of(ask, ANSWER) == {
        "gen_ai.request.model": "steadyrag",
        "gen_ai.response.model": "llama",
        "gen_ai.response.finish_reasons": ["stop"],
        "steadyrag.collection": "handbook",
        "steadyrag.priority": "interactive",
        "steadyrag.cache.verdict": "miss",
        "steadyrag.cache.reason": "not stored",
        "steadyrag.route.tier": "large",
        "steadyrag.route.rule": "score",
        "steadyrag.route.reason": "worth it",
        "steadyrag.route.score": 0.25,
        "steadyrag.answered": True,
        "steadyrag.degraded": ["rerank-skipped"],
        "steadyrag.passages": 1,
        "steadyrag.citations": 0,
        "steadyrag.cost": 0.5,
    }


def test_content_has_the_shape_of_the_conventions(ask):
    told = {name: json.loads(value) for name, value in content_of(ask, ANSWER).items()}
    assert told == {
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}],
        "gen_ai.output.messages": [
            {"role": "assistant", "parts": [{"type": "text", "content": REPLY}], "finish_reason": "stop"}
        ],
        "gen_ai.retrieval.documents": [{"id": "p", "score": 0.5, "content": PASSAGE}],
    }


@pytest.mark.parametrize("content", [True, False])
def test_what_it_was_about_is_told_only_where_that_is_wanted(ask, content):
    seen = []
    telling(lambda *told: seen.append(told), content=content)(ask, ANSWER)
    assert seen == [(ask, ANSWER)]
    said = str(ask.span.attributes)
    assert [text in said for text in (QUESTION, PASSAGE, REPLY)] == [content] * 3
