"""Which model answers, and which one when it does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from router.classifier import Prediction
from router.ports import ChatBackend

Tier = Literal["small", "large"]
Requested = Literal["auto", "small", "large"]
#: What serves instead of the chosen model.
Fallback = Literal["small", "extractive"]


@dataclass(frozen=True, slots=True)
class Route:
    """A decision, with the back end that it names, the reason, and the complexity score where one was computed."""

    tier: Tier
    backend: ChatBackend
    reason: str
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A back end to try; `fallback` names what it stands in as, None for the chosen one."""

    backend: ChatBackend
    fallback: Fallback | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What is known of a back end at the moment of a decision.

    Attributes:
        healthy: False while its breaker is open.
        queue_depth: requests that wait before it.
        queue_limit: from this depth on it counts as saturated; None for never.
        typical_s: seconds that an answer takes.
        context_tokens: the longest prompt with its answer; None for no limit.
        price: of a typical answer, in any one unit.
    """

    healthy: bool = True
    queue_depth: int = 0
    queue_limit: int | None = None
    typical_s: float = 0.0
    context_tokens: int | None = None
    price: float = 0.0

    @property
    def saturated(self) -> bool:
        """Whether one more request would wait too long."""
        return self.queue_limit is not None and self.queue_depth >= self.queue_limit


@dataclass(frozen=True, slots=True)
class Preference:
    """What the operator wants of the router.

    Attributes:
        threshold: the gain from which on the large model is asked.
        spill: whether a saturated large model hands questions to the small one.
        max_price: dearer answers are not bought unless they are asked for by name; None for no bound.
    """

    threshold: float
    spill: bool = True
    max_price: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A tier and why, with the score where one was computed."""

    tier: Tier
    reason: str
    score: float | None = None


def decide(
    requested: Requested,
    prediction: Prediction,
    conditions: Mapping[Tier, Condition],
    preference: Preference,
    *,
    deadline_s: float,
    prompt_tokens: int,
) -> Decision:
    """Which model is asked; pure, so that the same facts give the same decision.

    A model that the caller names is asked whatever its condition: the ladder below it answers for outages. Otherwise
    the score proposes, and each obstacle of the proposed model moves the question to the other one, if that has none.

    Args:
        requested: what the caller asked for.
        prediction: the classifier's.
        conditions: of both back ends.
        preference: the operator's.
        deadline_s: seconds left.
        prompt_tokens: length of the prompt, with the room for the answer.
    """
    if requested != "auto":
        return Decision(requested, "requested")
    proposed = _by_score(prediction, preference)
    other: Tier = "small" if proposed.tier == "large" else "large"
    obstacle = _obstacle(proposed.tier, conditions, preference, deadline_s, prompt_tokens)
    if obstacle is None or _obstacle(other, conditions, preference, deadline_s, prompt_tokens) is not None:
        return proposed
    return Decision(other, f"{proposed.tier} model {obstacle}", prediction.gain)


def _by_score(prediction: Prediction, preference: Preference) -> Decision:
    if prediction.far:
        return Decision("large", "unlike the training questions", prediction.gain)
    large = prediction.gain >= preference.threshold
    reason = f"gain {prediction.gain:.3f} {'>=' if large else '<'} {preference.threshold:.3f}"
    return Decision("large" if large else "small", reason, prediction.gain)


def _obstacle(
    tier: Tier, conditions: Mapping[Tier, Condition], preference: Preference, deadline_s: float, prompt_tokens: int
) -> str | None:
    """What speaks against a model, as words that follow its name; None for nothing."""
    condition = conditions[tier]
    if not condition.healthy:
        return "unavailable"
    if condition.context_tokens is not None and prompt_tokens > condition.context_tokens:
        return f"takes {condition.context_tokens} tokens, the prompt has {prompt_tokens}"
    if condition.typical_s > deadline_s:
        return f"needs {condition.typical_s:.1f} s, {deadline_s:.1f} s are left"
    if tier == "large" and preference.spill and condition.saturated:
        return f"saturated ({condition.queue_depth} wait)"
    if preference.max_price is not None and condition.price > preference.max_price:
        return f"costs {condition.price:g}, at most {preference.max_price:g} allowed"
    return None


class Router:
    """Picks a back end for a question.

    Args:
        backends: the back end of each tier; both may be the same.
        default: the tier for callers that leave the choice to us.
        last_resort: answers when no model does; None when there is nothing below the models.
    """

    def __init__(
        self, backends: Mapping[Tier, ChatBackend], default: Tier = "small", last_resort: ChatBackend | None = None
    ) -> None:
        self._backends = backends
        self._default = default
        self._last_resort = last_resort

    def choose(self, requested: Requested) -> Route:
        """The route for a request."""
        if requested == "auto":
            return Route(self._default, self._backends[self._default], "default")
        return Route(requested, self._backends[requested], "requested")

    def steps(self, route: Route) -> Iterator[Step]:
        """The back ends to try in turn: the chosen one, the small model below a large one, the last resort."""
        yield Step(route.backend)
        if route.tier == "large":
            yield Step(self._backends["small"], "small")
        if self._last_resort is not None:
            yield Step(self._last_resort, "extractive")
