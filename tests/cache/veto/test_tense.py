import pytest

from cache.veto.tense import conflict


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Who is the mayor of Ghent?", "Who was the mayor of Ghent?"),
        ("What does the museum show?", "What did the museum show?"),
        ("Where is the fair?", "Where will the fair be?"),
    ],
)
def test_then_and_now(pair, asked, stored):
    assert conflict(pair(asked, stored))


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Who wrote Dune?", "Who is the author of Dune?"),
        ("Where was Euler born?", "What is the birthplace of Euler?"),
        ("What is new?", "I was away. What is new?"),
    ],
)
def test_a_verb_that_says_no_time_is_passed_over(pair, asked, stored):
    assert conflict(pair(asked, stored)) is None
