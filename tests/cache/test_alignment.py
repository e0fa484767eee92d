import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.alignment import align, mistyped, one_slip
from cache.question import parse


def left(asked, stored):
    pair = align(parse(asked), parse(stored))
    return [term.lemma for term in pair.left_asked], [term.lemma for term in pair.left_stored]


def test_what_has_no_counterpart_is_left():
    assert left("Who built the old mill?", "Who sold the mill?") == (["build", "old"], ["sell"])


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Where is the database?", "Where is the data base?"),
        ("Who runs the WHO?", "Who runs the World Health Organization?"),
        ("Where is the libarry?", "Where is the library?"),
        ("How do I enable roaming?", "How do I turn on roaming?"),
    ],
)
def test_compounds_acronyms_typing_errors_and_synonyms_match(asked, stored):
    assert left(asked, stored) == ([], [])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("receive", "recieve", True),
        ("ticket", "tickket", True),
        ("austria", "australia", False),
        ("ethanol", "methanol", False),
        ("cat", "cta", False),
        ("zorblax", "zorblxa", True),
        ("zorblax", "zorblix", False),
        ("affect", "effect", False),
    ],
)
def test_mistyped_takes_one_slip_that_made_no_word(first, second, expected):
    known = frozenset(("receive", "ticket", "austria", "australia", "ethanol", "methanol", "cat", "affect", "effect"))
    assert mistyped(first, second, known) is expected
    assert mistyped(second, first, known) is expected


@given(st.text("abc", min_size=2, max_size=8), st.integers(0, 6))
def test_one_slip_sees_every_slip(word, place):
    place %= len(word)
    slips = {
        word[:place] + word[place + 1 :],
        word[:place] + "x" + word[place:],
        word[:place] + "x" + word[place + 1 :],
    }
    if place + 1 < len(word):
        slips.add(word[:place] + word[place + 1] + word[place] + word[place + 2 :])
    assert all(one_slip(word, slip) and one_slip(slip, word) for slip in slips)


def test_one_slip_sees_no_two():
    assert not one_slip("abcd", "badc")
    assert not one_slip("abcd", "ab")
    assert not one_slip("abcd", "axxd")


def test_two_long_texts_with_many_differences_are_retold():
    one = "My old dog eats too much grass and then sleeps badly in the kitchen at night, what helps?"
    other = "After eating weeds in the garden our old dog wakes every night and runs about, which medicine helps?"
    assert align(parse(one), parse(other)).retold
    assert not align(parse(one), parse(one)).retold
    assert not align(parse("Why do dogs eat grass?"), parse("What makes cats sleep?")).retold
