import pytest

from cache.veto.numbers import conflict


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("What was the turnover in 2019?", "What was the turnover in 2018?"),
        ("Is Node 18.2 supported?", "Is Node 18.20 supported?"),
        ("What is 12 plus 31?", "What is 12 plus 13?"),
        ("How many calories are in 50 g of oats?", "How many calories are in 50 kg of oats?"),
        ("What is the fee for 3 nights?", "What is the fee for three weeks?"),
        ("Who was the second king of Prussia?", "Who was the 3rd king of Prussia?"),
        ("When did World War I end?", "When did World War II end?"),
        ("Can I pay $5 in cash?", "Can I pay $50 in cash?"),
        ("Which are the ten oldest trees?", "Which are the oldest trees?"),
        ("Is 5 degrees too cold?", "Is -5 degrees too cold?"),
        ("What happens at 1,500 rpm?", "What happens at 15,000 rpm?"),
        ("What is due on 2024-03-01?", "What is due on 2024-03-02?"),
        ("How does the 5th amendment work?", "How does the 4th amendment work?"),
    ],
)
def test_another_number_unit_or_rank_is_told(pair, asked, stored):
    assert conflict(pair(asked, stored)).startswith("numbers differ")


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("How long is 2 km in miles?", "How long are 2000 metres in miles?"),
        ("Is 1,000 euros enough?", "Is 1000 € enough?"),
        ("How do I cook for twelve people?", "How do I cook for 12 people?"),
        ("What is 5 million divided by two?", "What is 5,000,000 divided by 2?"),
        ("What is new in Django 5.0?", "What is new in Django 5?"),
        ("Who was the 1st man on the moon?", "Who was the first man on the moon?"),
        ("How many calories are in 100g of rice?", "How many calories are in 100 grams of rice?"),
        ("When did World War II end?", "When did World War 2 end?"),
        ("Is one enough?", "Is it enough?"),
    ],
)
def test_the_same_number_in_another_form_is_not(pair, asked, stored):
    assert conflict(pair(asked, stored)) is None
