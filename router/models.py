"""A model by its name: what serves it, what it costs and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from router.policy import Condition
from router.ports import ChatBackend
from router.types import Load

#: The OpenAI API, whoever serves it.
OPENAI = "openai"
#: Tokens that prices are told for.
_PRICED = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Of a million tokens that a model reads (`input`) and writes (`output`), in the operator's currency."""

    input: float = 0.0
    output: float = 0.0

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What an answer of so many tokens costs."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / _PRICED


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that can be asked.

    Attributes:
        backend: what answers; its `name` is the model's.
        version: as the operator tells it.
        price: of its tokens.
        context_tokens: the longest prompt with its answer; None for no limit.
        busy_at: requests under way from which on it counts as saturated; None for never.
        provider: whose API it speaks, as `gen_ai.provider.name` of OpenTelemetry has it.
        load: tells how it fares.
    """

    backend: ChatBackend
    version: str = ""
    price: Price = Price()
    context_tokens: int | None = None
    busy_at: int | None = None
    provider: str = OPENAI
    load: Callable[[], Load] = Load

    @property
    def name(self) -> str:
        """The name that answers state."""
        return self.backend.name

    def condition(self, prompt_tokens: int, answer_tokens: int) -> Condition:
        """What speaks for and against it now, for a prompt and an answer of these lengths."""
        load = self.load()
        return Condition(
            healthy=load.healthy,
            under_way=load.under_way,
            busy_at=self.busy_at,
            typical_s=load.typical_s,
            context_tokens=self.context_tokens,
            price=self.price.of(prompt_tokens, answer_tokens),
        )
