"""The router: asks the classifier and the policy, and names the models to try in turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy.typing as npt

from router.classifier import Classifier, Prediction
from router.features import Evidence
from router.models import Model
from router.policy import Decision, Preference, Requested, Tier, decide
from router.splitting import Split

#: What serves instead of the chosen model.
Fallback = Literal["small", "extractive"]
#: Gives the question's unit embedding, shape [dimension], or None when there is none in time.
Embed = Callable[[], Awaitable[npt.NDArray[Any] | None]]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A request, as far as it bears on the choice of a model.

    Attributes:
        question: the text that its embedding is of.
        evidence: what retrieval found.
        prompt_tokens: length of the prompt.
        answer_tokens: room for the answer.
        deadline_s: seconds left.
        user: who asks; decides what an experiment gives.
    """

    question: str
    evidence: Evidence
    prompt_tokens: int
    answer_tokens: int
    deadline_s: float
    user: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A model to try; `fallback` names what it stands in as, None for the chosen one."""

    model: Model
    fallback: Fallback | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A decision and what follows from it.

    Attributes:
        steps: the models to try in turn: the chosen one, the small one below a large one, the last resort.
        other: the model of the other tier.
    """

    decision: Decision
    steps: tuple[Step, ...]
    other: Model


class Router:
    """Picks a model for a question.

    Args:
        models: of each tier, with its experiment where there is one; both tiers may have the same.
        default: the tier of callers that leave the choice to us; "auto" = by the classifier and the policy.
        preference: the operator's.
        classifier: None where none fits.
        last_resort: answers when no model does; None when there is nothing below the models.
    """

    def __init__(
        self,
        models: Mapping[Tier, Split[Model]],
        *,
        default: Requested,
        preference: Preference,
        classifier: Classifier | None = None,
        last_resort: Model | None = None,
    ) -> None:
        self.models = models
        self.default = default
        self.preference = preference
        self.classifier = classifier
        self._last_resort = last_resort

    async def choose(self, requested: Requested, inquiry: Inquiry, embed: Embed) -> Route:
        """The route for a request; `embed` is called only where the classifier is."""
        mine = {tier: split.of(inquiry.user) for tier, split in self.models.items()}
        wanted = requested if requested != "auto" else self.default
        if wanted == "auto":
            decision = await self._decide(inquiry, mine, embed)
        else:
            rule: Literal["requested", "default"] = "requested" if wanted == requested else "default"
            decision = Decision(wanted, rule, rule)
        return self._route(decision, mine)

    def variants(self, user: str) -> tuple[str, ...]:
        """Names of the models that experiments give the user: answers written by others are not the user's."""
        return tuple(split.of(user).name for split in self.models.values() if split.variants)

    async def _decide(self, inquiry: Inquiry, models: Mapping[Tier, Model], embed: Embed) -> Decision:
        prediction: Prediction | None = None
        if self.classifier is not None:
            prediction = self.classifier.predict(inquiry.question, await embed(), inquiry.evidence)
        return decide(
            prediction,
            {tier: model.condition(inquiry.prompt_tokens, inquiry.answer_tokens) for tier, model in models.items()},
            self.preference,
            deadline_s=inquiry.deadline_s,
            tokens=inquiry.prompt_tokens + inquiry.answer_tokens,
        )

    def _route(self, decision: Decision, models: Mapping[Tier, Model]) -> Route:
        steps = [Step(models[decision.tier], "small" if decision.stands_in else None)]
        if decision.tier == "large":
            steps.append(Step(models["small"], "small"))
        if self._last_resort is not None:
            steps.append(Step(self._last_resort, "extractive"))
        return Route(decision, tuple(steps), models["small" if decision.tier == "large" else "large"])
