"""What a generation used is charged to whoever asked for it, however it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rag.pipeline.generate import Generation
from rag.pipeline.request import Ask
from rag.pipeline.route import BYTES_PER_TOKEN
from rag.types import Principal
from router.router import Inquiry
from router.types import TokenUsage

#: Takes who asked, the tokens that a model read and wrote, and what they cost.
Charge = Callable[[Principal, int, float], None]


@contextmanager
def metered(ask: Ask, inquiry: Inquiry, generation: Generation, charge: Charge) -> Iterator[None]:
    """Charge what was generated in the block; nothing if no model said a word.

    A model tells what it used with its last words. Of one that was broken off it is estimated from the texts.
    """
    try:
        yield
    finally:
        if generation.model:
            used = generation.usage if generation.usage != TokenUsage() else _estimated(inquiry, generation)
            cost = generation.price.of(used.prompt_tokens, used.completion_tokens)
            charge(ask.principal, used.prompt_tokens + used.completion_tokens, cost)


def _estimated(inquiry: Inquiry, generation: Generation) -> TokenUsage:
    return TokenUsage(inquiry.prompt_tokens, round(len(generation.text.encode()) / BYTES_PER_TOKEN))
