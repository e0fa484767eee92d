import pytest

from cache.veto.person import conflict


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("What is your name?", "What is my name?"),
        ("What is the best movie?", "What is your best movie?"),
        ("Where does he live?", "Where does it live?"),
    ],
)
def test_mine_and_yours(pair, asked, stored):
    assert conflict(pair(asked, stored)).startswith("only one of the questions is about")


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("How do you boil an egg?", "How do I boil an egg?"),
        ("How do I reset my password?", "How do I reset a password?"),
        ("Where is my order?", "Where is the order?"),
    ],
)
def test_anybody(pair, asked, stored):
    assert conflict(pair(asked, stored)) is None
