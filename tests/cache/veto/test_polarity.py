import pytest

from cache.veto.polarity import conflict


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("How do I activate roaming?", "How do I deactivate roaming?"),
        ("How do I turn the heating on?", "How do I turn the heating off?"),
        ("How do I turn on roaming?", "How do I disable roaming?"),
        ("How do I sign in to the portal?", "How do I sign out of the portal?"),
        ("What should I eat before a run?", "What should I eat after a run?"),
        ("Which cafés are inside the station?", "Which cafés are outside the station?"),
        ("How can I speed up and increase sales?", "How can I speed up and reduce sales?"),
        ("What are the pros of remote work?", "What are the cons of remote work?"),
        ("Which mushrooms are edible?", "Which mushrooms are inedible?"),
        ("How do I mount a disk?", "How do I unmount a disk?"),
        ("When does the pool open?", "When does the pool close?"),
        ("How do I lend a book?", "How do I borrow a book?"),
        ("What is the warmest month?", "What is the coldest month?"),
        ("How do I zip a folder?", "How do I unzip a folder?"),
        ("How old is his brother?", "How old is her brother?"),
        ("Is it legal to park here?", "Is it illegal to park here?"),
        ("How many people arrive each day?", "How many people depart each day?"),
        ("What is the gross salary?", "What is the net salary?"),
        ("Who voted for the law?", "Who voted against the law?"),
    ],
)
def test_opposites(pair, asked, stored):
    assert conflict(pair(asked, stored)).startswith("opposites")


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("How do I activate roaming?", "How do I turn roaming on?"),
        ("What are the pros and cons of remote work?", "What are the cons and pros of remote work?"),
        ("How do I move from the left to the right?", "How can I move to the right from the left?"),
    ],
)
def test_synonyms_and_both_sides_of_a_contrast_in_both(pair, asked, stored):
    assert conflict(pair(asked, stored)) is None
