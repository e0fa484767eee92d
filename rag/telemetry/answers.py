"""What is said of an answer on its request's span; the text of question, passages and answer only where that is wanted.

`gen_ai.*` are names of OpenTelemetry's semantic conventions for generative AI, `steadyrag.*` our own.
"""

from __future__ import annotations

import orjson

from rag.pipeline.pipeline import Observer
from rag.pipeline.request import Answer, Ask
from rag.pipeline.trace import Attributes


def telling(observe: Observer, *, content: bool) -> Observer:
    """`observe` that also sets the attributes of each answer; with `content`, also what it was about."""

    def told(ask: Ask, answer: Answer) -> None:
        observe(ask, answer)
        ask.span.set(attributes_of(ask, answer))
        if content:
            ask.span.set(content_of(ask, answer))

    return told


def attributes_of(ask: Ask, answer: Answer) -> Attributes:
    """How the answer came about, without a word of it."""
    cache, route = answer.cache, answer.route
    figures = {
        "steadyrag.cache.similarity": cache.similarity,
        "steadyrag.cache.age": cache.age_s,
        "steadyrag.route.score": route.score,
    }
    return {
        "gen_ai.request.model": ask.scope.model,
        "gen_ai.response.model": route.model,
        "gen_ai.response.finish_reasons": [answer.finish_reason],
        "steadyrag.collection": ask.scope.space.collection,
        "steadyrag.priority": ask.priority,
        "steadyrag.cache.verdict": cache.verdict.value,
        "steadyrag.cache.reason": cache.reason,
        "steadyrag.route.tier": route.tier,
        "steadyrag.route.rule": route.rule,
        "steadyrag.route.reason": route.reason,
        "steadyrag.answered": answer.answered,
        "steadyrag.degraded": list(answer.degraded),
        "steadyrag.passages": len(answer.sources),
        "steadyrag.citations": len(answer.citations),
        "steadyrag.cost": answer.cost.amount,
        **{name: value for name, value in figures.items() if value is not None},
    }


def content_of(ask: Ask, answer: Answer) -> Attributes:
    """Conversation, passages and answer, each as JSON in the shape that the conventions give."""
    turns = [{"role": turn.role, "parts": [_text(turn.content)]} for turn in ask.messages]
    reply = {"role": "assistant", "parts": [_text(answer.text)], "finish_reason": answer.finish_reason}
    passages = [
        {"id": source.passage.id, "score": source.score, "content": source.passage.text} for source in answer.sources
    ]
    return {
        "gen_ai.input.messages": orjson.dumps(turns).decode(),
        "gen_ai.output.messages": orjson.dumps([reply]).decode(),
        "gen_ai.retrieval.documents": orjson.dumps(passages).decode(),
    }


def _text(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}
