"""What is sent, and what is kept of it: a run's schedule and the rows of its `requests.parquet`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Self

_STAGE = "timings_ms."


@dataclass(frozen=True, slots=True)
class Shot:
    """A request to be sent.

    Attributes:
        at_s: when, from the start of the run.
        request_id: sent as X-Request-Id, so that a server's own records can be matched.
        max_tokens: bound of the answer; None leaves it to the server.
    """

    at_s: float
    question: str
    request_id: str = ""
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One request. Latencies run from the intended send time.

    A generator that measures from the moment it got round to sending omits the very waits that a slow server causes
    ("coordinated omission": Gil Tene, "How NOT to measure latency", 2013), so its own lateness is part of every
    latency here, and stands beside it as `lag_s`.

    Attributes:
        intended_s: when it was to be sent, from the start of the run.
        lag_s: how much later it was begun.
        ttft_s: to the first content; None when none came.
        itl_s: gaps between contents, one fewer than contents.
        e2e_s: to the last byte, or to the failure.
        error: None for an answer; else see `reply.Reply.error`.
        degraded: labels; together they name the rung of the degradation ladder.
        cost: see `reply.Reply.cost`.
        saved: see `reply.Reply.saved`.
    """

    request_id: str
    intended_s: float
    lag_s: float
    e2e_s: float
    ttft_s: float | None = None
    itl_s: list[float] = field(default_factory=list)
    status: int | None = None
    error: str | None = None
    retry_after: str | None = None
    verdict: str | None = None
    model: str | None = None
    degraded: list[str] = field(default_factory=list)
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    saved: float | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)

    @property
    def rung(self) -> str:
        """The labels in one word; "full" where nothing was degraded."""
        return "+".join(sorted(self.degraded)) or "full"

    def row(self) -> dict[str, Any]:
        """Flat, for a table: each stage of `timings_ms` gets a column."""
        row = {field.name: getattr(self, field.name) for field in fields(self)}
        return row | {f"{_STAGE}{stage}": ms for stage, ms in row.pop("timings_ms").items()}

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """The record of a row that `row` made; columns of other records' stages are None here."""
        stages = {key.removeprefix(_STAGE): ms for key, ms in row.items() if key.startswith(_STAGE) and ms is not None}
        return cls(**{key: value for key, value in row.items() if not key.startswith(_STAGE)}, timings_ms=stages)
