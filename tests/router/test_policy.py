from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from router.classifier import Prediction
from router.policy import Condition, Decision, Preference, Requested, Router, Tier, decide
from router.types import Chunk, Prompt


class Named:
    """A back end that is only looked at."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        raise AssertionError("choosing must not call a model")
        yield Chunk()

    async def aclose(self) -> None:
        raise AssertionError("choosing must not close a model")


BACKENDS: dict[Tier, Named] = {"small": Named("tiny"), "large": Named("huge")}


@pytest.mark.parametrize(
    ("requested", "default", "tier", "reason"),
    [
        ("auto", "small", "small", "default"),
        ("auto", "large", "large", "default"),
        ("small", "large", "small", "requested"),
        ("large", "small", "large", "requested"),
    ],
)
def test_the_caller_chooses_before_the_default(requested: Requested, default: Tier, tier: Tier, reason: str) -> None:
    route = Router(BACKENDS, default).choose(requested)
    assert (route.tier, route.reason, route.score) == (tier, reason, None)
    assert route.backend is BACKENDS[tier]


def test_the_small_model_is_the_default() -> None:
    assert Router(BACKENDS).choose("auto").tier == "small"


@pytest.mark.parametrize(
    ("requested", "last_resort", "expected"),
    [
        ("large", True, [("huge", None), ("tiny", "small"), ("quotes", "extractive")]),
        ("large", False, [("huge", None), ("tiny", "small")]),
        ("small", True, [("tiny", None), ("quotes", "extractive")]),
        ("small", False, [("tiny", None)]),
    ],
)
def test_below_the_chosen_model_stand_the_small_one_and_the_last_resort(
    requested: Requested, last_resort: bool, expected: list[tuple[str, str | None]]
) -> None:
    router = Router(BACKENDS, last_resort=Named("quotes") if last_resort else None)
    steps = router.steps(router.choose(requested))
    assert [(step.backend.name, step.fallback) for step in steps] == expected


HARD, EASY, FAR = Prediction(0.3, 0.9), Prediction(0.8, 0.9), Prediction(0.8, 0.9, far=True)


def decided(
    prediction: Prediction = HARD,
    *,
    requested: Requested = "auto",
    deadline_s: float = 30.0,
    prompt_tokens: int = 500,
    spill: bool = True,
    max_price: float | None = None,
    **conditions: Condition,
) -> Decision:
    return decide(
        requested,
        prediction,
        {"small": conditions.get("small", Condition()), "large": conditions.get("large", Condition())},
        Preference(0.5, spill, max_price),
        deadline_s=deadline_s,
        prompt_tokens=prompt_tokens,
    )


def test_the_gain_decides() -> None:
    assert decided(HARD) == Decision("large", "gain 0.600 >= 0.500", HARD.gain)
    assert decided(EASY) == Decision("small", "gain 0.100 < 0.500", EASY.gain)


def test_what_is_unlike_the_training_questions_goes_large() -> None:
    assert decided(FAR) == Decision("large", "unlike the training questions", FAR.gain)


@pytest.mark.parametrize("requested", ["small", "large"])
def test_a_model_asked_for_by_name_is_asked(requested: Requested) -> None:
    ill = Condition(healthy=False)
    assert decided(requested=requested, small=ill, large=ill) == Decision(requested, "requested")


@pytest.mark.parametrize(
    ("large", "reason"),
    [
        (Condition(healthy=False), "large model unavailable"),
        (Condition(queue_depth=8, queue_limit=8), "large model saturated (8 wait)"),
        (Condition(typical_s=40.0), "large model needs 40.0 s, 30.0 s are left"),
        (Condition(context_tokens=400), "large model takes 400 tokens, the prompt has 500"),
        (Condition(price=3.0), "large model costs 3, at most 2 allowed"),
    ],
)
def test_an_obstacle_of_the_large_model_moves_the_question(large: Condition, reason: str) -> None:
    assert decided(HARD, large=large, max_price=2.0) == Decision("small", reason, HARD.gain)


def test_an_obstacle_of_the_small_model_moves_the_question_up() -> None:
    assert decided(EASY, small=Condition(healthy=False)) == Decision("large", "small model unavailable", EASY.gain)


def test_without_leave_to_spill_a_saturated_model_is_waited_for() -> None:
    assert decided(HARD, spill=False, large=Condition(queue_depth=8, queue_limit=8)).tier == "large"


def test_where_both_have_obstacles_the_score_decides() -> None:
    ill = Condition(healthy=False)
    assert decided(HARD, small=ill, large=ill) == decided(HARD)
