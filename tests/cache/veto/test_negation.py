import pytest

from cache.veto.negation import conflict


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Which rooms have a balcony?", "Which rooms do not have a balcony?"),
        ("Who can apply?", "Who can't apply?"),
        ("Why is the printer working?", "Why isn't the printer working?"),
        ("Which phones come with a charger?", "Which phones come without a charger?"),
        ("Which trains still run?", "Which trains no longer run?"),
        ("What should I say in an interview?", "What should I never say in an interview?"),
        ("Which teams won a game?", "Which teams won none of the games?"),
        ("Why did the test pass?", "Why didn't the test pass?"),
    ],
)
def test_a_question_and_its_negation(pair, asked, stored):
    assert conflict(pair(asked, stored))


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Which rooms don't have a balcony?", "Which rooms do not have a balcony?"),
        ("Which rooms come without a balcony?", "Which rooms do not include a balcony?"),
        ("Why can't I log in?", "Why cannot I sign in?"),
        ("How do I sign in?", "How can I log in?"),
    ],
)
def test_the_same_polarity_in_other_words(pair, asked, stored):
    assert conflict(pair(asked, stored)) is None
