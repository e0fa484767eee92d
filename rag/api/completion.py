"""An answer as a chat completion, for the API and for the command line."""

from __future__ import annotations

from rag.pipeline.request import Answer, Ask


def completion(ask: Ask, answer: Answer, created: int) -> dict[str, object]:
    """The whole answer as a chat completion."""
    return {
        "id": f"chatcmpl-{ask.request_id}",
        "object": "chat.completion",
        "created": created,
        "model": answer.route.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer.text, "refusal": None},
                "finish_reason": answer.finish_reason,
                "logprobs": None,
            }
        ],
        "usage": usage(answer),
        **extras(ask, answer),
    }


def usage(answer: Answer) -> dict[str, object]:
    """Token counts as the OpenAI API names them."""
    counts = answer.usage
    return {
        "prompt_tokens": counts.prompt_tokens,
        "completion_tokens": counts.completion_tokens,
        "total_tokens": counts.prompt_tokens + counts.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": counts.cached_tokens},
    }


def extras(ask: Ask, answer: Answer) -> dict[str, object]:
    """Citations, sources and how the answer came about."""
    return {
        "citations": answer.citations,
        "sources": [
            {
                "id": source.passage.id,
                "document_id": source.passage.document_id,
                "title": source.passage.context,
                "url": source.passage.url,
                "score": source.score,
                "text": source.passage.text,
            }
            for source in answer.sources
        ],
        "steadyrag": {
            "request_id": ask.request_id,
            "answered": answer.answered,
            "cache": answer.cache,
            "route": answer.route,
            "cost": answer.cost,
            "degraded": answer.degraded,
            "timings_ms": answer.timings_ms,
        },
    }
