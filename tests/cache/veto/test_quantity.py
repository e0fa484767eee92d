import pytest

from cache.veto.quantity import conflict


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Are all rooms heated?", "Are rooms heated?"),
        ("Is every seat taken?", "Is any seat taken?"),
        ("What is the average rent?", "What is the total rent?"),
        ("What is the maximum rent?", "What is the minimum rent?"),
        ("Which lake has the most fish?", "Which lake has the least fish?"),
        ("Who is the next speaker?", "Who is the previous speaker?"),
        ("Do both brothers sing?", "Does either brother sing?"),
        ("Only members may vote?", "May members vote?"),
    ],
)
def test_other_parts_of_the_same(pair, asked, stored):
    assert conflict(pair(asked, stored))


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Are all rooms heated?", "Is every room heated?"),
        ("What is the mean rent?", "What is the average rent?"),
        ("How many may enter at most?", "What is the maximum number that may enter?"),
        ("Are there any rooms left?", "Are there rooms left?"),
    ],
)
def test_the_same_part_in_other_words(pair, asked, stored):
    assert conflict(pair(asked, stored)) is None
