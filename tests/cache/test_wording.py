import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.wording import function_classes, light_words, names, plain, tokens


@pytest.mark.parametrize(
    "question",
    [
        "How do I renew a visa?",
        "how can i renew a visa",
        "Hello, could you please tell me how to renew a visa? Thanks!",
        "What are the steps to renew a visa?",
        "What's the best way to renew a visa?",
        "I want to know how to renew a visa",
    ],
)
def test_frames_ask_the_same(question):
    assert plain(question).rstrip("?. ") == "how_to renew a visa"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Why isn't it open?", "why is not it open?"),
        ("What\u2019s up?", "what is up?"),
        ("How tall is K2?", "what is height is k2?"),
        ("What time does it open?", "when does it open?"),
        ("How much does a ticket cost?", "what is price of a ticket ?"),
        ("Is 1,000 more than 1,0?", "is 1000 more than 1,0?"),
    ],
)
def test_the_plain_form(question, expected):
    assert plain(question) == expected


@given(st.text(max_size=100))
def test_the_plain_form_has_single_spaces(text):
    assert plain(text) == " ".join(plain(text).split())


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Does Ann live in Rome? She sings.", {"ann", "rome"}),
        ("Docker does not start", {"docker"}),
        ("Trains are late", set()),
        ("Is it an IT job?", {"it"}),
        ("Does it rain in May?", {"may"}),
        ("May I?", set()),
        ("Where Can I Buy Green Tea?", set()),
        ("WHERE IS MY ORDER", set()),
    ],
)
def test_names(question, expected):
    assert names(question) == expected


def test_tokens_know_their_kind():
    assert tokens("Ann's 2FA costs $5. Why?") == [
        ("word", "ann"),
        ("possessive", "'s"),
        ("code", "2fa"),
        ("word", "costs"),
        ("unit", "$"),
        ("number", "5"),
        ("end", "."),
        ("word", "why"),
        ("end", "?"),
    ]


def test_no_light_word_is_a_function_word():
    assert light_words()
    assert not light_words() & function_classes().keys()
