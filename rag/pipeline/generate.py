"""The model's answer, piece by piece, with its errors as ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from rag.errors import DependencyFailed, InvalidRequest, Overloaded, SteadyragError
from rag.types import Deadline
from router.errors import ModelError, ModelOverloaded, ModelRejected, ModelUnavailable, StreamBroken
from router.ports import ChatBackend
from router.types import FinishReason, Prompt, TokenUsage

#: Each error of the router's tree, and what it is to the caller.
ERRORS: dict[type[ModelError], type[SteadyragError]] = {
    ModelUnavailable: DependencyFailed,
    ModelOverloaded: Overloaded,
    ModelRejected: InvalidRequest,
    StreamBroken: DependencyFailed,
}


@dataclass(slots=True)
class Generation:
    """What has come so far.

    Attributes:
        answered: what the back end says of itself; None when it does not know.
    """

    pieces: list[str] = field(default_factory=list)
    finish_reason: FinishReason = "stop"
    usage: TokenUsage = TokenUsage()
    answered: bool | None = None

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.pieces)


async def generate(
    backend: ChatBackend, prompt: Prompt, deadline: Deadline, generation: Generation
) -> AsyncGenerator[str, None]:
    """The pieces of the answer as they come; `generation` collects them with what the last ones say.

    Raises:
        DependencyFailed, Overloaded, InvalidRequest: the model's error, mapped.
    """
    try:
        async with aclosing(backend.stream(prompt, timeout_s=deadline.remaining())) as chunks:
            async for chunk in chunks:
                generation.finish_reason = chunk.finish_reason or generation.finish_reason
                generation.usage = chunk.usage or generation.usage
                generation.answered = chunk.answered if chunk.answered is not None else generation.answered
                if chunk.text:
                    generation.pieces.append(chunk.text)
                    yield chunk.text
    except ModelError as error:
        raise ERRORS[type(error)](f"model {error.model}: {error.message}") from error
