"""What the router is told of a request."""

from __future__ import annotations

from collections.abc import Sequence

from rag.pipeline.request import Ask
from rag.types import ScoredPassage
from router.features import Evidence
from router.router import Inquiry
from router.types import Prompt

#: UTF-8 bytes of a token, at the low end of what tokenizers give for prose, so that lengths are rather overestimated.
BYTES_PER_TOKEN = 3.5
#: Room for an answer whose length the caller did not bound.
ANSWER_TOKENS = 512


def inquire(ask: Ask, prompt: Prompt, passages: Sequence[ScoredPassage]) -> Inquiry:
    """The request, its prompt and what was found, best first, as the router takes them."""
    prompt_bytes = sum(len(message.content.encode()) for message in prompt.messages)
    return Inquiry(
        question=prompt.question,
        evidence=evidence(passages),
        prompt_tokens=round(prompt_bytes / BYTES_PER_TOKEN),
        answer_tokens=prompt.sampling.max_tokens or ANSWER_TOKENS,
        deadline_s=ask.deadline.remaining(),
        user=ask.asker,
    )


def evidence(passages: Sequence[ScoredPassage]) -> Evidence:
    """What the passages, best first, tell of the question; the gap between the first two where both have scores."""
    best, second = [each.score for each in passages[:2]] if len(passages) > 1 else (0.0, 0.0)
    return Evidence(
        score_gap=min(1.0, (best - second) / best) if best > 0 else None,
        passages=len(passages),
        context_tokens=sum(each.passage.tokens for each in passages),
    )
