import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.question import parse
from cache.spelling import mended, misspelt, struck


def spelt(asked, stored):
    asked, stored, _ = mended(parse(asked), parse(stored))
    return asked.text, stored.text


@pytest.mark.parametrize(
    ("word", "meant", "known", "expected"),
    [
        ("recieve", "receive", True, True),
        ("tickket", "ticket", True, True),
        ("tcket", "ticket", True, True),
        ("rwceive", "receive", True, True),  # the key beside it
        ("rpceive", "receive", True, False),  # a key far away
        ("tikcet", "ticket", False, True),
        ("tcket", "ticket", False, False),  # a short name
        ("panters", "panthers", False, True),
        ("gabriel", "gabriela", False, False),
        ("wre", "were", True, True),
        ("mde", "made", True, False),
        ("angela", "angel", True, False),
        ("masher", "mashed", True, False),
        ("methanol", "ethanol", True, False),
        ("hte", "the", True, True),
        ("cta", "cat", True, False),
        ("ehwn", "when", True, False),  # two slips
    ],
)
def test_a_slip_is_one_exchange_one_letter_or_one_key(word, meant, known, expected):
    assert misspelt(word, meant, known=known) is expected


@given(st.text("abcdefgh", min_size=4, max_size=9), st.integers(1, 8))
def test_one_letter_missing_behind_the_first_is_a_slip(meant, place):
    place = min(place, len(meant) - 1)
    assert struck(meant[:place] + meant[place + 1 :], meant)


@given(st.text("abcdefgh", min_size=4, max_size=9), st.integers(1, 8), st.sampled_from("xyz"))
def test_one_letter_more_inside_is_a_slip(meant, place, letter):
    place = min(place, len(meant) - 1)
    assert struck(meant[:place] + letter + meant[place:], meant)


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("Where is teh libarry?", "Where is the library?"),
        ("Whhat is the plan?", "What is the plan?"),
        ("Whcih trains stop in Berlin?", "Which trains stop in Berlin?"),
        ("Who is in the fourht quarter?", "Who is in the fourth quarter?"),
        ("Where was Kuehcly born?", "Where was Kuechly born?"),
    ],
)
def test_a_misspelt_word_is_spelt_as_in_the_other_question(asked, stored):
    assert spelt(asked, stored) == (stored, stored)


def test_the_stored_question_is_mended_too():
    assert spelt("Where is the library?", "Where is the libarry?") == ("Where is the library?",) * 2


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        ("What does affect mean?", "What does effect mean?"),  # both are words
        ("Who was Martina?", "Who was Marina?"),  # names
        ("What is SPA?", "What is SAP?"),  # acronyms
        ("What is nitrite?", "What is nitrate?"),  # i is far from a
    ],
)
def test_another_word_is_no_slip(asked, stored):
    assert spelt(asked, stored) == (asked, stored)


def test_without_a_slip_both_stay_what_they_are():
    asked, stored = parse("Where is the library?"), parse("Where is the Kuechly library?")
    assert mended(asked, stored) == (asked, stored, False)
