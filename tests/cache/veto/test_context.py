import pytest

from cache.veto.context import conflict


@pytest.mark.parametrize(
    "question",
    ["What song is this?", "How do I solve these equations?", "What does the code below do?", "Is the following true?"],
)
def test_a_question_that_points_outside_of_itself(pair, question):
    assert conflict(pair(question, question)).endswith("points outside of the question")


@pytest.mark.parametrize(
    "question", ["What happened this year?", "I have a cat. Why does this cat scratch?", "Who sang?"]
)
def test_a_question_that_stands_alone(pair, question):
    assert conflict(pair(question, question)) is None
