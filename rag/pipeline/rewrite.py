"""A model says what a follow-up turn asks, in a question that needs no conversation; without it, turns are joined."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

from rag.errors import DeadlineExceeded, DependencyFailed, Overloaded
from rag.pipeline.contextualize import StandaloneQuestion
from rag.pipeline.model_call import call_model
from rag.pipeline.trace import NO_SPAN, Span
from rag.resilience.ladder import CONTEXTUALIZE
from rag.types import Clock, Deadline
from router.errors import ModelError
from router.ports import ChatBackend
from router.types import Message, Prompt, Sampling

INSTRUCTIONS = """\
Rewrite the last message of a conversation as one question that can be understood without the conversation.
Put names in the place of words that point back. Add nothing, answer nothing, keep the language of the message.
Reply with the question alone."""
#: What is shown of the conversation: so many turns before the last one, so many characters of each.
SHOWN_TURNS = 6
SHOWN_CHARS = 1_000
#: A question that is longer than this, or cut off at it, was not what was asked for.
SAMPLING = Sampling(max_tokens=96, temperature=0.0)
MAX_CHARS = 500


class Rewriter:
    """Rewrites follow-ups by a model.

    Args:
        backend: the model, behind a guard of its own: what it cannot do in this budget says nothing of its answers.
        budget_s: what it may take, seconds; a request with less than twice that left goes without.
    """

    def __init__(self, backend: ChatBackend, budget_s: float) -> None:
        self._backend = backend
        self._budget_s = budget_s

    async def rewrite(
        self,
        question: StandaloneQuestion,
        messages: Sequence[Message],
        deadline: Deadline,
        *,
        salt: str = "",
        span: Span = NO_SPAN,
    ) -> StandaloneQuestion:
        """The question with what to look for in the model's words, or labelled as it was.

        Args:
            question: the last turn, which does not stand alone.
            messages: the conversation that ends with it.
            deadline: the request's.
            salt: as for `build_prompt`.
            span: what the call to the model is a part of.

        Raises:
            DeadlineExceeded: the request's time has run out.
        """
        rewritten = None
        if deadline.remaining() >= 2 * self._budget_s:
            rewritten = await self._ask(_prompt(question, messages, salt), deadline.clock, span)
        if rewritten is None:
            return replace(question, degraded=(CONTEXTUALIZE.label,))
        return replace(question, search_text=rewritten)

    async def _ask(self, prompt: Prompt, clock: Clock, span: Span) -> str | None:
        """The model's question; None if there is none that could be one."""
        try:
            calling = call_model(self._backend, prompt, timeout_s=self._budget_s, clock=clock, parent=span)
            async with aclosing(calling) as stream:
                chunks = [chunk async for chunk in stream]
        except (ModelError, DependencyFailed, Overloaded, DeadlineExceeded):
            return None
        whole = any(chunk.finish_reason == "stop" for chunk in chunks)
        text = "".join(chunk.text for chunk in chunks).strip()
        return text if whole and 0 < len(text) <= MAX_CHARS and "\n" not in text else None


def _prompt(question: StandaloneQuestion, messages: Sequence[Message], salt: str) -> Prompt:
    earlier = [message for message in messages[:-1] if message.role != "system"][-SHOWN_TURNS:]
    lines = [f"{message.role}: {' '.join(message.content.split())[:SHOWN_CHARS]}" for message in earlier]
    conversation = "\n".join(["Conversation:", *lines, "", f"Last message: {question.text}"])
    return Prompt(
        messages=(Message("system", INSTRUCTIONS), Message("user", conversation)),
        question=question.search_text,
        excerpts=(),
        sampling=SAMPLING,
        cache_salt=salt,
    )
