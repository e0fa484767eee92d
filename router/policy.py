"""Which model is asked, as a pure function of what is known of the question and of both models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from router.classifier import Prediction

Tier = Literal["small", "large"]
Requested = Literal["auto", "small", "large"]
#: What settled a decision: the first three need no look at the models, the rest are the obstacles of the proposed one.
Rule = Literal[
    "requested", "default", "unscored", "score", "far", "unavailable", "context", "deadline", "saturated", "price"
]
#: Obstacles that pass: an answer of the small model that they led to is not the one that the question should have.
PASSING: frozenset[Rule] = frozenset({"unavailable", "deadline", "saturated"})


@dataclass(frozen=True, slots=True)
class Condition:
    """What is known of a model at the moment of a decision.

    Attributes:
        healthy: False while its breaker is open.
        under_way: requests that it works on, those included that wait there.
        busy_at: from so many requests on it counts as saturated; None for never.
        typical_s: seconds that an answer takes.
        context_tokens: the longest prompt with its answer; None for no limit.
        price: of a typical answer, in any one unit.
    """

    healthy: bool = True
    under_way: int = 0
    busy_at: int | None = None
    typical_s: float = 0.0
    context_tokens: int | None = None
    price: float = 0.0

    @property
    def saturated(self) -> bool:
        """Whether one more request would wait too long."""
        return self.busy_at is not None and self.under_way >= self.busy_at


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
    """A tier, what settled it, that in words, and the score where one was computed."""

    tier: Tier
    rule: Rule
    reason: str
    score: float | None = None

    @property
    def stands_in(self) -> bool:
        """Whether the small model answers what the large one was meant to, and would at another moment."""
        return self.tier == "small" and self.rule in PASSING


def decide(
    prediction: Prediction | None,
    conditions: Mapping[Tier, Condition],
    preference: Preference,
    *,
    deadline_s: float,
    tokens: int,
) -> Decision:
    """Which model is asked; pure, so that the same facts give the same decision.

    The score proposes, and an obstacle of the proposed model moves the question to the other one, if that has none.

    Args:
        prediction: the classifier's; None where there is no classifier.
        conditions: of both models.
        preference: the operator's.
        deadline_s: seconds left.
        tokens: length of the prompt, with the room for the answer.
    """
    proposed = _by_score(prediction, preference)
    other: Tier = "small" if proposed.tier == "large" else "large"
    obstacle = _obstacle(proposed.tier, conditions[proposed.tier], preference, deadline_s, tokens)
    if obstacle is None or _obstacle(other, conditions[other], preference, deadline_s, tokens) is not None:
        return proposed
    rule, words = obstacle
    return Decision(other, rule, f"{proposed.tier} model {words}", proposed.score)


def _by_score(prediction: Prediction | None, preference: Preference) -> Decision:
    if prediction is None:
        return Decision("large", "unscored", "no classifier fits the embedding model")
    if prediction.far:
        return Decision("large", "far", "unlike the training questions", prediction.gain)
    large = prediction.gain >= preference.threshold
    reason = f"gain {prediction.gain:.3f} {'>=' if large else '<'} {preference.threshold:.3f}"
    if prediction.wordwise:
        reason += ", by the wording alone"
    return Decision("large" if large else "small", "score", reason, prediction.gain)


def _obstacle(
    tier: Tier, condition: Condition, preference: Preference, deadline_s: float, tokens: int
) -> tuple[Rule, str] | None:
    """What speaks against a model, with words that follow its name; None for nothing."""
    if not condition.healthy:
        return "unavailable", "unavailable"
    if condition.context_tokens is not None and tokens > condition.context_tokens:
        return "context", f"takes {condition.context_tokens} tokens, prompt and answer have about {tokens}"
    if condition.typical_s > deadline_s:
        return "deadline", f"needs {condition.typical_s:.1f} s, {deadline_s:.1f} s are left"
    if tier == "large" and preference.spill and condition.saturated:
        return "saturated", f"saturated ({condition.under_way} under way)"
    if preference.max_price is not None and condition.price > preference.max_price:
        return "price", f"costs {condition.price:g}, at most {preference.max_price:g} allowed"
    return None
