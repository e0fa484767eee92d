"""The model's answer, piece by piece; before the first piece another model may take over, after it none."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field

from rag.errors import DependencyFailed, InvalidRequest, Overloaded, SteadyragError
from rag.pipeline.ground import says_not_found
from rag.pipeline.model_call import call_model
from rag.pipeline.trace import NO_SPAN, Span
from rag.resilience.ladder import EXTRACTIVE, MODEL
from rag.types import Deadline
from router.errors import (
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnavailable,
    ModelUnreachable,
    StreamBroken,
)
from router.models import Model, Price
from router.router import Step
from router.types import Chunk, FinishReason, Prompt, TokenUsage

#: Each error of the router's tree, and what it is to the caller.
ERRORS: dict[type[ModelError], type[SteadyragError]] = {
    ModelUnavailable: DependencyFailed,
    ModelUnreachable: DependencyFailed,
    ModelOverloaded: Overloaded,
    ModelRejected: InvalidRequest,
    StreamBroken: DependencyFailed,
}
#: What makes the next back end take over, as long as nothing was said.
PASSED_ON = (DependencyFailed, Overloaded)


@dataclass(slots=True)
class Generation:
    """What has come so far.

    Attributes:
        answered: what the back end says of itself; None when it does not know.
        model: the back end that answers; "" until that is settled.
        price: of its tokens.
        degraded: labels of the rung it stands on, if it is not the chosen one, and of what it had to do without.
    """

    pieces: list[str] = field(default_factory=list)
    finish_reason: FinishReason = "stop"
    usage: TokenUsage = TokenUsage()
    answered: bool | None = None
    model: str = ""
    price: Price = field(default_factory=Price)
    degraded: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.pieces)

    @property
    def found(self) -> bool:
        """Whether the passages answer the question, as the back end says, or else its text."""
        return self.answered if self.answered is not None else not says_not_found(self.text)

    @property
    def cost(self) -> float:
        """Of the tokens so far, in the unit of the model's price."""
        return self.price.of(self.usage.prompt_tokens, self.usage.completion_tokens)


async def generate(
    steps: Iterable[Step], prompt: Prompt, deadline: Deadline, generation: Generation, span: Span = NO_SPAN
) -> AsyncGenerator[str, None]:
    """The pieces of the answer as they come; `generation` collects them with what the last ones say.

    Each call to a model is a part of `span`.

    The first piece comes once it is settled who answers; it alone may be empty.

    Raises:
        DependencyFailed, Overloaded, InvalidRequest: the last back end's error, mapped.
    """
    failed: SteadyragError | None = None
    for step in steps:
        try:
            async with aclosing(_mapped(step.model, prompt, deadline, span)) as chunks:
                async for chunk in chunks:
                    first = not generation.model
                    if first:
                        generation.model, generation.price = step.model.name, step.model.price
                        generation.degraded = _labels(step) + chunk.degraded
                    if (text := _take(chunk, generation)) or first:
                        yield text
                return
        except PASSED_ON as error:
            if generation.model:
                raise
            failed = error
    raise failed or DependencyFailed("no model is configured")


async def _mapped(model: Model, prompt: Prompt, deadline: Deadline, span: Span) -> AsyncGenerator[Chunk, None]:
    """The back end's chunks, its errors as ours."""
    try:
        left_s, clock = deadline.remaining(), deadline.clock
        calling = call_model(model.backend, prompt, timeout_s=left_s, clock=clock, parent=span, provider=model.provider)
        async with aclosing(calling) as chunks:
            async for chunk in chunks:
                yield chunk
    except ModelError as error:
        raise ERRORS[type(error)](f"model {error.model}: {error.message}") from error


def _take(chunk: Chunk, generation: Generation) -> str:
    generation.finish_reason = chunk.finish_reason or generation.finish_reason
    generation.usage = chunk.usage or generation.usage
    generation.answered = chunk.answered if chunk.answered is not None else generation.answered
    if chunk.text:
        generation.pieces.append(chunk.text)
    return chunk.text


def _labels(step: Step) -> tuple[str, ...]:
    if step.fallback is None:
        return ()
    return (EXTRACTIVE.label,) if step.fallback == "extractive" else (MODEL.label.format(step.fallback),)
