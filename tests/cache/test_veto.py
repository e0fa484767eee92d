from cache.alignment import align
from cache.question import parse
from cache.veto import VETOES, conflicts, decisive


def pair(asked, stored):
    return align(parse(asked), parse(stored))


def test_every_conflict_is_told_with_its_reason():
    found = conflicts(pair("When did 3 ships leave Rome?", "Where do 4 ships leave Rome?"))
    assert set(found) == {"number", "kind", "tense"}
    assert all(found.values())
    assert list(found) == [name for name in VETOES if name in found]


def test_the_first_conflict_decides():
    both = pair("When did 3 ships leave Rome?", "Where do 4 ships leave Rome?")
    assert decisive(both) == "numbers differ: 3 / 4"


def test_what_a_scorer_weighs_does_not_decide():
    both = pair("What is a mill?", "What is a mill for?")
    assert decisive(both) == "only one question says for"
    assert decisive(both, frozenset(("words",))) is None


def test_a_story_told_anew_is_spared_the_vetoes_of_short_questions():
    one = "My old dog eats too much grass and then sleeps badly in the kitchen at night, what helps?"
    other = "After eating weeds in the garden our old dog limps every night and runs about, which medicine helps?"
    both = pair(one, other)
    assert "words" in conflicts(both)
    assert decisive(both) is None
    assert decisive(pair(one, f"{other} He is 7.")) == "numbers differ: none / 7"
