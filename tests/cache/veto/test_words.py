import pytest

from cache.veto.words import conflict


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("What are the risks of surgery?", "What are the stages of surgery?"),
        ("How wide is the bridge?", "How old is the bridge?"),
        ("Who designed the bridge?", "Who paid for the bridge?"),
        ("What is the boiling point of acetone?", "What is the boiling point of acetate?"),
        ("Which plants are safe for cats?", "Which foods are safe for cats?"),
    ],
)
def test_another_word_in_a_words_place(pair, asked, stored):
    assert conflict(pair(asked, stored)).startswith("other words")


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Who is the vice president?", "Who is the president?"),
        ("What is the density of sea water?", "What is the density of water?"),
        ("What is pesto made of?", "What is pesto?"),
        ("What is a lathe for?", "What is a lathe?"),
    ],
)
def test_a_word_that_narrows(pair, asked, stored):
    assert conflict(pair(asked, stored)).startswith("only one question says")


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("What are the benefits of yoga?", "What are the advantages of yoga?"),
        ("How long is the tunnel?", "What is the length of the tunnel?"),
        ("What time does the shop open?", "When does the store open?"),
        ("How can I buy a ticket?", "What are the steps to purchase a ticket?"),
        ("Could you please tell me how to renew a visa?", "How do I renew a visa?"),
        ("Which city is the capital of Chad?", "What is the capital of Chad?"),
        ("How much does the tour cost?", "What is the price of the tour?"),
        ("How many people live in Ulm?", "What is the number of people living in Ulm?"),
        ("How do I use a database?", "How do I use a data base?"),
        ("How do I renew a subscritpion?", "How do I renew a subscription?"),
        ("What causes hail?", "What are the causes of hail?"),
        ("At what temperature does lead melt?", "What is the melting point of lead?"),
    ],
)
def test_the_same_in_other_words(pair, asked, stored):
    assert conflict(pair(asked, stored)) is None
