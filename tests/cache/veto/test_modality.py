import pytest

from cache.veto.modality import conflict


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Can I water cacti daily?", "Should I water cacti daily?"),
        ("Must I tip the driver?", "May I tip the driver?"),
        ("What should I pack?", "What must I pack?"),
        ("Do I tip the driver?", "Should I tip the driver?"),
    ],
)
def test_possible_advisable_and_necessary_are_three_questions(pair, asked, stored):
    assert conflict(pair(asked, stored)).startswith("asks whether it")


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("How can I pack a tent?", "How should I pack a tent?"),
        ("Can I pay by card?", "Is it possible to pay by card?"),
        ("What can cause hail?", "What causes hail?"),
        ("Do I have to tip?", "Must I tip?"),
    ],
)
def test_the_same_modality(pair, asked, stored):
    assert conflict(pair(asked, stored)) is None
