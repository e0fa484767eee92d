"""Chat requests in and replies out, as bytes, in the shapes that vLLM gives them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from evals.errors import BadRequest


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What the stub reads of a request; `words` is the whole prompt, `max_tokens` None where the caller set none."""

    words: list[str]
    max_tokens: int | None
    stream: bool
    include_usage: bool


def parse(body: bytes) -> ChatRequest:
    """Read the body.

    Raises:
        BadRequest: no JSON, or no list of messages with text.
    """
    try:
        fields = orjson.loads(body)
        limit = fields.get("max_completion_tokens") or fields.get("max_tokens")
        return ChatRequest(
            words=[word for message in fields["messages"] for word in message["content"].split()],
            max_tokens=None if limit is None else int(limit),
            stream=bool(fields.get("stream")),
            include_usage=bool((fields.get("stream_options") or {}).get("include_usage")),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRequest(f"not a chat request: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer: `tokens` in turn, over and over, until there are `events` of them."""

    id: str
    model: str
    created: int
    tokens: Sequence[str]
    events: int

    def event(self, number: int) -> bytes:
        """The server-sent event that carries token `number`, from 0; the last one carries the finish reason."""
        delta = {"content": self.tokens[number % len(self.tokens)]}
        if number == 0:
            delta["role"] = "assistant"
        reason = "stop" if number == self.events - 1 else None
        return self._event(choices=[{"index": 0, "delta": delta, "finish_reason": reason}])

    def tail(self, usage: Mapping[str, object] | None) -> bytes:
        """What follows the last token: the usage, for callers that asked for it, and the end of the stream."""
        return (self._event(choices=[], usage=usage) if usage else b"") + b"data: [DONE]\n\n"

    def whole(self, usage: Mapping[str, object]) -> bytes:
        """The answer as one JSON object."""
        content = "".join(itertools.islice(itertools.cycle(self.tokens), self.events))
        choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        return self._object("chat.completion", choices=[choice], usage=usage)

    def _event(self, **fields: object) -> bytes:
        return b"data: %b\n\n" % self._object("chat.completion.chunk", **fields)

    def _object(self, kind: str, **fields: object) -> bytes:
        return orjson.dumps({"id": self.id, "object": kind, "created": self.created, "model": self.model, **fields})


def error(status: int, message: str) -> bytes:
    """OpenAI's error object."""
    return orjson.dumps({"error": {"message": message, "type": "stub_error", "param": None, "code": status}})
