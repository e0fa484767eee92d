"""What every adapter of `router.ports.ChatBackend` keeps; subclass it and give the fixture `backend`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

import pytest

from router.ports import ChatBackend
from router.types import Chunk, Excerpt, Message, Prompt, Sampling

EXCERPTS = (
    Excerpt(
        "[1]", "Eiffel Tower", "The Eiffel Tower is 324 metres high. It was built by the engineer Gustave Eiffel.", 20
    ),
    Excerpt("[2]", "Paris", "Paris is the capital of France. The tower was opened in Paris on 31 March 1889.", 20),
)
PROMPT = Prompt(
    messages=(Message("system", "Answer from the excerpts."), Message("user", "How high is the Eiffel Tower?")),
    question="How high is the Eiffel Tower?",
    excerpts=EXCERPTS,
)


async def collect(backend: ChatBackend, prompt: Prompt = PROMPT, *, timeout_s: float = 10.0) -> list[Chunk]:
    """All chunks of one answer."""
    async with aclosing(backend.stream(prompt, timeout_s=timeout_s)) as chunks:
        return [chunk async for chunk in chunks]


def text_of(chunks: Sequence[Chunk]) -> str:
    """The whole answer."""
    return "".join(chunk.text for chunk in chunks)


class ChatBackendContract:
    """The port's promises."""

    @pytest.fixture
    def backend(self) -> ChatBackend:
        """The adapter under test, ready to answer `PROMPT` with more than one token."""
        raise NotImplementedError

    def test_it_has_a_name(self, backend: ChatBackend) -> None:
        assert backend.name

    async def test_the_answer_has_text_and_exactly_one_finish_reason(self, backend: ChatBackend) -> None:
        chunks = await collect(backend)
        assert text_of(chunks).strip()
        assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["stop"]

    async def test_no_text_follows_the_finish_reason(self, backend: ChatBackend) -> None:
        chunks = await collect(backend)
        finished = next(i for i, chunk in enumerate(chunks) if chunk.finish_reason)
        assert text_of(chunks[finished + 1 :]) == ""

    async def test_usage_stands_on_the_last_chunk_alone(self, backend: ChatBackend) -> None:
        *others, last = await collect(backend)
        assert all(chunk.usage is None for chunk in others)
        assert last.usage is not None
        assert last.usage.prompt_tokens > 0
        assert last.usage.completion_tokens > 0
        assert 0 <= last.usage.cached_tokens <= last.usage.prompt_tokens

    async def test_max_tokens_bounds_the_answer(self, backend: ChatBackend) -> None:
        chunks = await collect(backend, replace(PROMPT, sampling=Sampling(max_tokens=2)))
        assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["length"]
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens <= 2

    async def test_a_prompt_without_excerpts_is_answered_too(self, backend: ChatBackend) -> None:
        chunks = await collect(backend, replace(PROMPT, excerpts=()))
        assert text_of(chunks).strip()

    async def test_a_stream_closed_early_leaves_the_back_end_usable(self, backend: ChatBackend) -> None:
        whole = text_of(await collect(backend))
        async with aclosing(backend.stream(PROMPT, timeout_s=10)) as chunks:
            await anext(chunks)
        assert text_of(await collect(backend)) == whole

    async def test_a_stream_never_started_can_be_closed(self, backend: ChatBackend) -> None:
        await backend.stream(PROMPT, timeout_s=10).aclose()

    async def test_streams_side_by_side_do_not_mix(self, backend: ChatBackend) -> None:
        alone = text_of(await collect(backend))
        together = await asyncio.gather(*(collect(backend) for _ in range(8)))
        assert [text_of(chunks) for chunks in together] == [alone] * 8

    async def test_closing_twice_is_closing_once(self, backend: ChatBackend) -> None:
        await collect(backend)
        await backend.aclose()
        await backend.aclose()
