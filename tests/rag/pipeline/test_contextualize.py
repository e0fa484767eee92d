from __future__ import annotations

import pytest

from rag.pipeline.contextualize import StandaloneQuestion, contextualize, stands_alone
from router.types import Message


def user(*turns: str) -> list[Message]:
    """A conversation in which every turn was answered but the last."""
    messages = [Message("system", "Be kind.")]
    for turn in turns:
        messages += [Message("user", turn), Message("assistant", f"An answer to {turn!r}, with other words.")]
    return messages[:-1]


@pytest.mark.parametrize(
    "turn",
    [
        "How tall is the Eiffel Tower?",
        "When was the bridge in London built?",
        "Who invented the diesel engine?",
        "Explain HNSW graphs to a beginner",
        "Wie hoch ist der Eiffelturm eigentlich?",
        "Which theory explains thermodynamics best?",  # "the" and "then" stand in other words
    ],
)
def test_these_stand_alone(turn: str) -> None:
    assert stands_alone(turn)


@pytest.mark.parametrize(
    "turn",
    [
        "How tall is it?",
        "When were they built and opened?",
        "Who invented that kind of engine?",
        "IS THIS TRUE FOR LARGE INDEXES?",
        "And the bridge in London?",
        "what about the bridge in London?",
        "But why does the engine stop?",
        "Is the other one taller than Paris?",
        "Does the same hold for Windows machines?",
        "for Windows?",
        "Why?",
        "more",
        "",
        "   ",
    ],
)
def test_these_do_not(turn: str) -> None:
    assert not stands_alone(turn)


def test_a_first_turn_stands_alone_whatever_it_says() -> None:
    for turn in ("Why?", "How tall is it?", ""):
        assert contextualize(user(turn)) == StandaloneQuestion(turn, turn, standalone=True)


def test_a_turn_that_stands_alone_is_left_as_it_is() -> None:
    question = contextualize(user("How tall is the Eiffel Tower?", "When was the Tower Bridge opened?"))
    text = "When was the Tower Bridge opened?"
    assert question == StandaloneQuestion(text, text, standalone=True)


def test_a_follow_up_is_looked_up_with_what_it_refers_to() -> None:
    question = contextualize(user("How tall is the Eiffel Tower?", "And when was it built?"))
    assert question.text == "And when was it built?"
    assert question.search_text == "How tall is the Eiffel Tower?\nAnd when was it built?"
    assert not question.standalone


def test_only_the_user_s_latest_turns_are_joined() -> None:
    question = contextualize(user("Where is Rome?", "Who was Caesar?", "How did he die?", "Why?"))
    assert question.search_text == "Who was Caesar?\nHow did he die?\nWhy?"
