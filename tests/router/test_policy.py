from __future__ import annotations

import pytest

from router.classifier import Prediction
from router.policy import Condition, Decision, Preference, Rule, decide

HARD, EASY, FAR = Prediction(0.3, 0.9), Prediction(0.8, 0.9), Prediction(0.8, 0.9, far=True)


def decided(
    prediction: Prediction | None = HARD,
    *,
    deadline_s: float = 30.0,
    tokens: int = 500,
    spill: bool = True,
    max_price: float | None = None,
    **conditions: Condition,
) -> Decision:
    return decide(
        prediction,
        {"small": conditions.get("small", Condition()), "large": conditions.get("large", Condition())},
        Preference(0.5, spill, max_price),
        deadline_s=deadline_s,
        tokens=tokens,
    )


def test_the_gain_decides() -> None:
    assert decided(HARD) == Decision("large", "score", "gain 0.600 >= 0.500", HARD.gain)
    assert decided(EASY) == Decision("small", "score", "gain 0.100 < 0.500", EASY.gain)


def test_a_score_without_the_embedding_says_so() -> None:
    wordwise = Prediction(0.3, 0.9, wordwise=True)
    assert decided(wordwise).reason == "gain 0.600 >= 0.500, by the wording alone"


def test_what_is_unlike_the_training_questions_goes_large() -> None:
    assert decided(FAR) == Decision("large", "far", "unlike the training questions", FAR.gain)


def test_without_a_classifier_quality_goes_first() -> None:
    assert decided(None) == Decision("large", "unscored", "no classifier fits the embedding model")
    assert decided(None, large=Condition(healthy=False)) == Decision("small", "unavailable", "large model unavailable")


OBSTACLES: list[tuple[Condition, Rule, str, bool]] = [
    (Condition(healthy=False), "unavailable", "large model unavailable", True),
    (Condition(under_way=8, busy_at=8), "saturated", "large model saturated (8 under way)", True),
    (Condition(typical_s=40.0), "deadline", "large model needs 40.0 s, 30.0 s are left", True),
    (
        Condition(context_tokens=400),
        "context",
        "large model takes 400 tokens, prompt and answer have about 500",
        False,
    ),
    (Condition(price=3.0), "price", "large model costs 3, at most 2 allowed", False),
]


@pytest.mark.parametrize(("large", "rule", "reason", "stands_in"), OBSTACLES)
def test_an_obstacle_of_the_large_model_moves_the_question(
    large: Condition, rule: Rule, reason: str, stands_in: bool
) -> None:
    decision = decided(HARD, large=large, max_price=2.0)
    assert decision == Decision("small", rule, reason, HARD.gain)
    assert decision.stands_in is stands_in


def test_an_obstacle_of_the_small_model_moves_the_question_up_which_is_no_loss() -> None:
    decision = decided(EASY, small=Condition(healthy=False))
    assert decision == Decision("large", "unavailable", "small model unavailable", EASY.gain)
    assert not decision.stands_in


def test_without_leave_to_spill_a_saturated_model_is_waited_for() -> None:
    assert decided(HARD, spill=False, large=Condition(under_way=8, busy_at=8)).tier == "large"


def test_where_both_have_obstacles_the_score_decides() -> None:
    ill = Condition(healthy=False)
    assert decided(HARD, small=ill, large=ill) == decided(HARD)
