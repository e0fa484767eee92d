"""What a caller sees of one reply: when content came, and what the server said of how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from evals.load.sse import EventParser


@dataclass(slots=True)
class Reply:
    """A reply as it comes in, JSON or server-sent events.

    Attributes:
        status: HTTP status; None when there was no reply.
        error: why it is no answer, None while it is one: `http_<status>`, `stream_error` (an error event),
            `incomplete` (no end was announced), `protocol` (not in OpenAI's format), `disconnect`, `unreachable`,
            `timeout`, `cancelled`, `not_sent`.
        retry_after: that header as it came.
        content_at: the clock at each event that carried text, seconds; a JSON reply has one, at its end.
        ended_at: the clock at the last byte or at the failure, seconds.
        verdict: what the cache said; None when the server says nothing of one.
        degraded: labels, empty for a full answer.
        timings_ms: the server's own time by stage.
        cost: what the server says that the answer cost, in the unit of its models' prices.
        saved: what an answer from the cache cost when it was computed.
    """

    status: int | None = None
    error: str | None = None
    retry_after: str | None = None
    content_at: list[float] = field(default_factory=list)
    ended_at: float = 0.0
    verdict: str | None = None
    model: str | None = None
    degraded: list[str] = field(default_factory=list)
    timings_ms: dict[str, float] = field(default_factory=dict)
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    saved: float | None = None
    _events: EventParser | None = None
    _whole: bytearray = field(default_factory=bytearray)
    _announced_end: bool = False

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Take in status and header fields, whose names are found in any case or are lower."""
        self.status = status
        self.retry_after = headers.get("retry-after")
        self.verdict = headers.get("x-steadyrag-cache")
        self.model = headers.get("x-steadyrag-model")
        self.degraded = [
            label for part in headers.get("x-steadyrag-degraded", "").split(",") if (label := part.strip())
        ]
        if status != 200:
            self.error = f"http_{status}"
        elif headers.get("content-type", "").startswith("text/event-stream"):
            self._events = EventParser()

    def body(self, data: bytes, at: float) -> None:
        """Take in a piece of the body that arrived at `at`."""
        if self._events is None:
            self._whole += data
        else:
            for event in self._events.feed(data):
                self._take(event, at)

    def end(self, at: float) -> None:
        """Take in that nothing follows."""
        self.ended_at = at
        if self.error is None and self._events is None:
            self._take(bytes(self._whole), at)
        if self.error is None and not self._announced_end:
            self.error = "incomplete"

    def fail(self, error: str, at: float) -> None:
        """Take in that the reply ended without being complete."""
        self.error = self.error or error
        self.ended_at = at

    def _take(self, payload: bytes, at: float) -> None:
        if payload == b"[DONE]":
            self._announced_end = True
            return
        try:
            part = orjson.loads(payload)
            if "error" in part:
                self.error = "stream_error"
            for choice in part.get("choices", ()):
                self._take_choice(choice, at)
            self._take_extras(part)
        except (orjson.JSONDecodeError, AttributeError, TypeError, KeyError):
            self.error = "protocol"

    def _take_choice(self, choice: dict[str, Any], at: float) -> None:
        if (choice.get("delta") or choice.get("message") or {}).get("content"):
            self.content_at.append(at)
        if choice.get("finish_reason"):
            self._announced_end = True

    def _take_extras(self, part: dict[str, Any]) -> None:
        self.model = self.model or part.get("model")
        if usage := part.get("usage"):
            self.prompt_tokens, self.completion_tokens = usage["prompt_tokens"], usage["completion_tokens"]
        if own := part.get("steadyrag"):
            # The headers left before the work began; what the last event says is what happened.
            self.verdict = own["cache"]["verdict"]
            self.model = own["route"]["model"]
            self.degraded = own["degraded"]
            self.timings_ms = own["timings_ms"]
            if cost := own.get("cost"):
                self.cost, self.saved = cost["amount"], cost["saved"]
