"""One call to a model: its own span, by the conventions for generative AI, whose trace the model's server goes on with.

The names are of OpenTelemetry's semantic conventions for generative AI (gen_ai.*, "inference" spans).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from rag.pipeline.trace import NO_SPAN, Attributes, Span, Timed
from rag.types import Clock
from router.models import OPENAI
from router.ports import ChatBackend
from router.types import Chunk, Prompt

OPERATION = "chat"


async def call_model(
    backend: ChatBackend,
    prompt: Prompt,
    *,
    timeout_s: float,
    clock: Clock,
    parent: Span = NO_SPAN,
    provider: str = OPENAI,
) -> AsyncGenerator[Chunk, None]:
    """The chunks of `backend.stream`.

    Args:
        backend: the model.
        prompt: what it is asked.
        timeout_s: bound of the whole generation, seconds.
        clock: the source of time.
        parent: the stage that asks.
        provider: see `router.models.Model`.

    Raises:
        ModelError, SteadyragError: the back end's and its guard's.
    """
    name = backend.name
    call = Timed(parent, f"{OPERATION} {name}", clock, client=True)
    with call as span:
        span.set(_asked(name, provider, prompt))
        if context := span.context:
            prompt = replace(prompt, trace_context=context)
        first = True
        async with aclosing(backend.stream(prompt, timeout_s=timeout_s)) as chunks:
            async for chunk in chunks:
                if first:
                    first = False
                    span.set({"gen_ai.response.time_to_first_chunk": clock.monotonic() - call.started_at})
                if chunk.finish_reason or chunk.usage:
                    span.set(_told(name, chunk))
                yield chunk


def _asked(name: str, provider: str, prompt: Prompt) -> Attributes:
    sampling = prompt.sampling
    parameters = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
    }
    return {
        "gen_ai.operation.name": OPERATION,
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": name,
        "gen_ai.request.stream": True,
        **{f"gen_ai.request.{key}": value for key, value in parameters.items() if value is not None},
    }


def _told(name: str, chunk: Chunk) -> Attributes:
    told: dict[str, str | int | list[str]] = {"gen_ai.response.model": name}
    if chunk.finish_reason:
        told["gen_ai.response.finish_reasons"] = [chunk.finish_reason]
    if chunk.usage:
        told["gen_ai.usage.input_tokens"] = chunk.usage.prompt_tokens
        told["gen_ai.usage.output_tokens"] = chunk.usage.completion_tokens
        told["gen_ai.usage.cache_read.input_tokens"] = chunk.usage.cached_tokens
    return told
