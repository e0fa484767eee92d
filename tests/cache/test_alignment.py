import pytest

from cache.alignment import align
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
    ("asked", "stored", "expected"),
    [
        ("How do I conect a scanner?", "How do I connect a scanner?", True),
        ("how do i conect a scanner please", "How can I connect a scanner?", True),
        ("How do I connect a scanner?", "How do I connect a scanner?", False),
        ("How do I conect a printer?", "How do I connect a scanner?", False),
    ],
)
def test_slips_alone_tell_the_questions_apart(asked, stored, expected):
    pair = align(parse(asked), parse(stored))
    assert pair.slips_alone is expected
    assert align(parse(stored), parse(asked)).slips_alone is expected


def test_two_long_texts_with_many_differences_are_retold():
    one = "My old dog eats too much grass and then sleeps badly in the kitchen at night, what helps?"
    other = "After eating weeds in the garden our old dog wakes every night and runs about, which medicine helps?"
    assert align(parse(one), parse(other)).retold
    assert not align(parse(one), parse(one)).retold
    assert not align(parse("Why do dogs eat grass?"), parse("What makes cats sleep?")).retold
