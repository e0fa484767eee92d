"""A request, its answer, and what both look like in a chat completion."""

import json

import orjson

from cache.types import Verdict
from rag.pipeline.request import Answer, Ask, CacheOutcome, Cost
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
    """What a client reads."""
    return json.loads(orjson.dumps(content))
