"""What a model is given and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

FinishReason = Literal["stop", "length", "content_filter"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation, as chat models take it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A passage as the model sees it: its marker ("[1]"), what it is from, its text, its length in tokens."""

    marker: str
    title: str
    text: str
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Sampling:
    """Generation parameters that the caller set; None leaves the model's own default.

    Attributes:
        max_tokens: bound of the answer in the model's tokens.
        extra: further parameters handed to the model's server as they are.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    extra: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question with its evidence, in two forms: as chat messages, and in parts for back ends that read no prompt.

    Attributes:
        messages: what a chat model is sent, evidence included.
        question: the standalone question.
        excerpts: the evidence, best first.
        prefix: equal for prompts whose messages begin alike, so that one server should get them; "" for any server.
        cache_salt: prompts of different salts never share a server's cached prefixes (vLLM's field of that name); ""
            leaves it to the server.
        trace_context: headers by which the server goes on with the caller's trace (W3C Trace Context).
    """

    messages: Sequence[Message]
    question: str
    excerpts: Sequence[Excerpt]
    sampling: Sampling = Sampling()
    prefix: str = ""
    cache_salt: str = ""
    trace_context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens as the back end counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the answer.

    Attributes:
        text: to append; may be empty.
        finish_reason: set on the last chunk that carries text, None before.
        usage: set on the last chunk of the stream, if the server tells.
        answered: False on the last chunk when the back end knows that the evidence does not answer.
        degraded: on the first chunk, labels of what the back end had to do without.
    """

    text: str = ""
    finish_reason: FinishReason | None = None
    usage: TokenUsage | None = None
    answered: bool | None = None
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """How a model fares at this moment.

    Attributes:
        healthy: whether a call would be let through.
        under_way: requests that it works on, those included that wait there.
        typical_s: seconds that an answer takes; 0.0 until one was measured.
    """

    healthy: bool = True
    under_way: int = 0
    typical_s: float = 0.0
