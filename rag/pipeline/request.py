"""What goes into the pipeline and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cache.types import Verdict
from rag.pipeline.trace import NO_SPAN, Span
from rag.types import Citation, Deadline, Filters, Principal, Priority, RouteOutcome, Scope, ScoredPassage
from router.policy import Requested
from router.types import FinishReason, Message, Sampling, TokenUsage

CacheMode = Literal["default", "no-cache", "no-store", "only"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, complete: who asks, where, until when, what.

    Attributes:
        messages: the conversation, oldest first; the last one is the user's.
        top_k: passages given to the model.
        cache: "default"; "no-cache" = compute anew, then store; "no-store" = compute anew, keep nothing;
            "only" = serve a stored answer or fail.
        max_age_s: the oldest stored answer that will do.
        user: whom the principal asks for, as it calls them; "" for nobody else.
        degraded: labels of what had to be done without before it was let in.
        span: what is told of the request as it goes.
    """

    principal: Principal
    scope: Scope
    deadline: Deadline
    request_id: str
    messages: tuple[Message, ...]
    top_k: int = 5
    filters: Filters = field(default_factory=dict)
    model: Requested = "auto"
    sampling: Sampling = Sampling()
    cache: CacheMode = "default"
    max_age_s: float | None = None
    priority: Priority = "interactive"
    user: str = ""
    degraded: tuple[str, ...] = ()
    span: Span = field(default=NO_SPAN, compare=False, repr=False)

    @property
    def asker(self) -> str:
        """Who asks, for what is to stay the same for one user."""
        return asker(self.principal, self.user)


def asker(principal: Principal, user: str) -> str:
    """Names the user that a principal asks for, or the principal itself, among all tenants."""
    return f"{principal.tenant}/{user or principal.id}"


@dataclass(frozen=True, slots=True)
class CacheOutcome:
    """What the cache said: verdict, and of a served answer the similarity of its question (cosine) and its age."""

    verdict: Verdict
    similarity: float | None = None
    age_s: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer cost, in the unit of the models' prices.

    Attributes:
        amount: paid for this answer; 0.0 for a stored one.
        saved: what a stored answer cost when it was computed.
    """

    amount: float = 0.0
    saved: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """First event: all that is known before the first word."""

    cache: CacheOutcome
    route: RouteOutcome
    degraded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Last event: the answer with everything that is to be said about it.

    Attributes:
        answered: False for an honest "not found".
        sources: the passages given to the model, in the order of their markers.
        degraded: labels of everything that was not as it should be; empty in the steady state.
        timings_ms: milliseconds by stage.
    """

    text: str
    answered: bool
    citations: tuple[Citation, ...]
    sources: tuple[ScoredPassage, ...]
    finish_reason: FinishReason
    usage: TokenUsage
    cache: CacheOutcome
    route: RouteOutcome
    degraded: tuple[str, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    cost: Cost = Cost()


Event = Plan | Delta | Answer
