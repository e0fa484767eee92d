"""What goes around an answer on the wire: headers, and server-sent events where it is streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson

from rag.api.completion import extras, usage
from rag.api.problems import error_body, unforeseen_error
from rag.errors import SteadyragError
from rag.pipeline.request import Answer, Ask, Delta, Event, Plan

CHAT_ROUTE = "/v1/chat/completions"
DONE = b"data: [DONE]\n\n"


def headers(plan: Plan) -> dict[str, str]:
    """What proxies and scripts read without parsing the body."""
    said = {
        "x-steadyrag-cache": plan.cache.verdict,
        "x-steadyrag-model": plan.route.model,
        "x-steadyrag-degraded": ",".join(plan.degraded),
    }
    if plan.cache.similarity is not None:
        said["x-steadyrag-cache-similarity"] = f"{plan.cache.similarity:.4f}"
        said["x-steadyrag-cache-age"] = f"{plan.cache.age_s or 0.0:.0f}"
    return said


async def sse(
    ask: Ask, plan: Plan, events: AsyncIterator[Event], created: int, *, include_usage: bool
) -> AsyncIterator[bytes]:
    """The answer as events.

    An error after the first event ends the stream with an explicit error event and without [DONE].
    """
    head = {
        "id": f"chatcmpl-{ask.request_id}",
        "object": "chat.completion.chunk",
        "created": created,
        "model": plan.route.model,
    }
    tail = {"usage": None} if include_usage else {}
    yield _frame(head | {"choices": [_choice({"role": "assistant", "content": ""})]} | tail)
    try:
        async for event in events:
            if isinstance(event, Delta):
                yield _frame(head | {"choices": [_choice({"content": event.text})]} | tail)
            elif isinstance(event, Answer):
                said = extras(ask, event)
                yield _frame(head | {"choices": [_choice({}, event.finish_reason)]} | tail | said)
                if include_usage:
                    yield _frame(head | {"choices": [], "usage": usage(event)} | said)
    except Exception as error:  # noqa: BLE001 - the status is long sent: the client is told here or not at all
        ours = error if isinstance(error, SteadyragError) else unforeseen_error(error, f"a stream of {CHAT_ROUTE}")
        ask.span.set({"steadyrag.error": ours.code, "error.type": type(error).__name__})
        yield _frame(error_body(ours, CHAT_ROUTE))
        return
    yield DONE


def _choice(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}


def _frame(content: dict[str, object]) -> bytes:
    return b"data: " + orjson.dumps(content) + b"\n\n"
