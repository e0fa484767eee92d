from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest

from rag.pipeline.model_call import call_model
from rag.pipeline.trace import NO_SPAN, Span
from router.errors import ModelUnavailable
from router.types import Chunk, Prompt, Sampling, TokenUsage
from tests.support.clock import FakeClock
from tests.support.spans import CONTEXT, KeptSpan

PROMPT = Prompt((), "question", (), Sampling(max_tokens=50, temperature=0.0))


class Slow:
    """A model that needs a second before each chunk, and may fail at the end."""

    name = "m"

    def __init__(self, clock: FakeClock, error: Exception | None = None) -> None:
        self._clock = clock
        self._error = error
        self.prompts: list[Prompt] = []

    async def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        self.prompts.append(prompt)
        for chunk in (Chunk("It "), Chunk("is.", "stop"), Chunk(usage=TokenUsage(90, 7, 64))):
            self._clock.advance(1)
            yield chunk
        if self._error:
            raise self._error

    async def aclose(self) -> None:
        """Nothing to give back."""


async def called(model: Slow, clock: FakeClock, parent: Span) -> list[Chunk]:
    return [chunk async for chunk in call_model(model, PROMPT, timeout_s=9, clock=clock, parent=parent)]


async def test_the_span_tells_what_the_conventions_for_generative_ai_ask_for(clock: FakeClock) -> None:
    parent = KeptSpan()
    await called(Slow(clock), clock, parent)
    (span,) = parent.children
    assert (span.name, span.client, span.ended_at) == ("chat m", True, span.started_at + 3)
    assert span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.stream": True,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.response.model": "m",
        "gen_ai.response.time_to_first_chunk": 1.0,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 90,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 64,
    }


@pytest.mark.parametrize(("parent", "context"), [(KeptSpan(), CONTEXT), (NO_SPAN, {})])
async def test_the_models_server_is_told_of_the_trace_if_there_is_one(
    clock: FakeClock, parent: Span, context: dict[str, str]
) -> None:
    model = Slow(clock)
    assert len(await called(model, clock, parent)) == 3
    assert model.prompts == [replace(PROMPT, trace_context=context)]


async def test_a_call_that_fails_ends_its_span_with_the_error(clock: FakeClock) -> None:
    parent = KeptSpan()
    with pytest.raises(ModelUnavailable):
        await called(Slow(clock, ModelUnavailable("no", model="m")), clock, parent)
    assert parent.children[0].attributes["error.type"] == "ModelUnavailable"
    assert parent.children[0].ended_at == clock.monotonic()


async def test_a_call_that_is_not_wanted_any_more_ends_its_span_without(clock: FakeClock) -> None:
    parent = KeptSpan()
    async with aclosing(call_model(Slow(clock), PROMPT, timeout_s=9, clock=clock, parent=parent)) as chunks:
        await anext(chunks)
    assert "error.type" not in parent.children[0].attributes
    assert parent.children[0].ended_at == clock.monotonic()
