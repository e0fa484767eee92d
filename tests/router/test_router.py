from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import pytest

from router.classifier import Classifier
from router.features import Evidence
from router.models import Model
from router.policy import Preference, Requested, Tier
from router.router import Inquiry, Route, Router
from router.splitting import Split
from router.types import Load
from tests.support.naming import Named
from tests.support.outcomes import made_table

TINY, HUGE, QUOTES = (Model(backend=Named(name)) for name in ("tiny", "huge", "quotes"))
TABLE = made_table(1, seed=5)
INQUIRY = Inquiry(str(TABLE.questions[0]), Evidence(), 100, 50, 30.0, "acme/ann")


def routed(
    default: Requested = "auto",
    *,
    classifier: Classifier | None = None,
    models: Mapping[Tier, Model] | None = None,
    threshold: float = 0.0,
    last_resort: Model | None = None,
) -> Router:
    splits = {tier: Split(model) for tier, model in (models or {"small": TINY, "large": HUGE}).items()}
    preference = Preference(threshold)
    return Router(splits, default=default, preference=preference, classifier=classifier, last_resort=last_resort)


async def vector() -> npt.NDArray[Any]:
    return TABLE.vectors[0]


async def nothing() -> None:
    return None


async def uncalled() -> None:
    raise AssertionError("no embedding is needed")


def names(route: Route) -> list[tuple[str, str | None]]:
    return [(step.model.name, step.fallback) for step in route.steps]


@pytest.mark.parametrize(
    ("requested", "default", "tier", "reason"),
    [
        ("auto", "small", "small", "default"),
        ("auto", "large", "large", "default"),
        ("small", "large", "small", "requested"),
        ("large", "small", "large", "requested"),
        ("large", "large", "large", "requested"),
    ],
)
async def test_the_caller_chooses_before_the_default_and_neither_needs_an_embedding(
    requested: Requested, default: Requested, tier: Tier, reason: str, classifier: Classifier
) -> None:
    ill = Model(backend=Named("ill"), load=lambda: Load(healthy=False))
    router = routed(default, classifier=classifier, models={"small": ill, "large": ill})
    decision = (await router.choose(requested, INQUIRY, uncalled)).decision
    assert (decision.tier, decision.rule, decision.reason, decision.score) == (tier, reason, reason, None)


@pytest.mark.parametrize(("threshold", "tier"), [(-1.0, "large"), (1.0, "small")])
async def test_the_classifier_decides_about_the_threshold(classifier: Classifier, threshold: float, tier: Tier) -> None:
    decision = (await routed(classifier=classifier, threshold=threshold).choose("auto", INQUIRY, vector)).decision
    gain = classifier.predict(INQUIRY.question, TABLE.vectors[0], INQUIRY.evidence).gain
    assert (decision.tier, decision.rule, decision.score) == (tier, "score", gain)


async def test_without_the_embedding_the_wording_decides(classifier: Classifier) -> None:
    decision = (await routed(classifier=classifier).choose("auto", INQUIRY, nothing)).decision
    assert decision.reason.endswith("by the wording alone")
    assert decision.score == classifier.predict(INQUIRY.question, None, INQUIRY.evidence).gain


async def test_without_a_classifier_no_embedding_is_asked_for() -> None:
    assert (await routed().choose("auto", INQUIRY, uncalled)).decision.rule == "unscored"


async def test_the_condition_of_the_models_counts() -> None:
    full = Model(backend=Named("huge"), busy_at=4, load=lambda: Load(under_way=4))
    route = await routed(models={"small": TINY, "large": full}).choose("auto", INQUIRY, uncalled)
    assert route.decision.rule == "saturated"
    assert names(route) == [("tiny", "small")]
    assert route.other is full


async def test_prompt_and_answer_must_fit() -> None:
    for limit, tier in ((150, "large"), (149, "small")):
        narrow = Model(backend=Named("huge"), context_tokens=limit)
        route = await routed(models={"small": TINY, "large": narrow}).choose("auto", INQUIRY, uncalled)
        assert route.decision.tier == tier


@pytest.mark.parametrize(
    ("requested", "last_resort", "expected"),
    [
        ("large", QUOTES, [("huge", None), ("tiny", "small"), ("quotes", "extractive")]),
        ("large", None, [("huge", None), ("tiny", "small")]),
        ("small", QUOTES, [("tiny", None), ("quotes", "extractive")]),
        ("small", None, [("tiny", None)]),
    ],
)
async def test_below_the_chosen_model_stand_the_small_one_and_the_last_resort(
    requested: Requested, last_resort: Model | None, expected: list[tuple[str, str | None]]
) -> None:
    route = await routed(last_resort=last_resort).choose(requested, INQUIRY, uncalled)
    assert names(route) == expected
    assert route.other is (TINY if requested == "large" else HUGE)


async def test_a_user_of_an_experiment_gets_its_model_on_every_rung() -> None:
    new = Model(backend=Named("new"))
    splits = {"small": Split(TINY, "rollout", ((new, 0.5),)), "large": Split(HUGE)}
    router = Router(splits, default="large", preference=Preference(0.0))
    mine = {}
    for number in range(50):
        inquiry = Inquiry("?", Evidence(), 0, 0, 1.0, f"user-{number}")
        route = await router.choose("auto", inquiry, uncalled)
        mine[inquiry.user] = names(route)
        assert router.variants(inquiry.user) == (route.steps[1].model.name,)
    assert {rungs[1][0] for rungs in mine.values()} == {"tiny", "new"}


def test_without_experiments_users_share_answers() -> None:
    assert routed().variants("anyone") == ()
