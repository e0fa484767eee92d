import pytest

from cache.veto.kind import conflict


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("When was the castle built?", "Where was the castle built?"),
        ("Who built the castle?", "Why was the castle built?"),
        ("What is a tariff?", "How does a tariff work?"),
        ("Is the castle open?", "When is the castle open?"),
        ("Can I rent a boat?", "How can I rent a boat?"),
        ("How many boats are there?", "Which boats are there?"),
        ("What is Diana?", "Who is Diana?"),
    ],
)
def test_answers_of_different_kinds(pair, asked, stored):
    assert conflict(pair(asked, stored)).startswith("asks")


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("What time does it start?", "When does it start?"),
        ("What is the reason for the delay?", "Why is there a delay?"),
        ("How come the train is late?", "Why is the train late?"),
        ("rent a boat", "How can I rent a boat?"),
        ("What are the steps to rent a boat?", "How do I rent a boat?"),
        ("How much profit was there?", "What was the profit?"),
        ("In which year was it built?", "When was it built?"),
        ("Is it possible to rent a boat?", "Can I rent a boat?"),
    ],
)
def test_the_same_kind_in_other_words(pair, asked, stored):
    assert conflict(pair(asked, stored)) is None
