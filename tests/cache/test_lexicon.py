import pytest

from cache.lexicon import english, lines


@pytest.mark.parametrize(
    ("word", "base"),
    [
        ("cities", "city"),
        ("used", "use"),
        ("running", "run"),
        ("went", "go"),
        ("boxes", "box"),
        ("causes", "cause"),
        ("planned", "plan"),
        ("children", "child"),
        ("speed", "speed"),
        ("news", "news"),
        ("boiling", "boiling"),
        ("kubelets", "kubelet"),
        ("is", "be"),
    ],
)
def test_base_forms(word, base):
    assert english().lemma(word) == base


@pytest.mark.parametrize(
    ("first", "second"),
    [("turn_on", "enable"), ("store", "shop"), ("long", "length"), ("decide", "decision"), ("colour", "color")],
)
def test_words_that_mean_the_same_or_are_of_one_family(first, second):
    assert english().related(first, second)
    assert english().related(second, first)


@pytest.mark.parametrize(("first", "second"), [("teach", "teacher"), ("enable", "disable"), ("ethanol", "methanol")])
def test_words_that_are_not(first, second):
    assert not english().related(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [("enable", "disable"), ("hottest", "coldest"), ("largest", "smallest"), ("usable", "unusable"), ("win", "lose")],
)
def test_opposites(first, second):
    assert english().opposite(first, second)
    assert english().opposite(second, first)


@pytest.mark.parametrize(("first", "second"), [("large", "big"), ("on", "upon"), ("form", "inform" * 2)])
def test_no_opposites(first, second):
    assert not english().opposite(first, second)


def test_no_two_words_are_both_synonyms_and_opposites_in_our_own_lists():
    lexicon = english()
    pairs = [line.split("|") for line in lines("antonyms.txt")]
    both = [
        (one, other)
        for left, right in pairs
        for one in left.split()
        for other in right.split()
        if any({one, other} <= set(line.split()) for line in lines("synonyms.txt"))
    ]
    assert lexicon.opposites
    assert not both


def test_units_know_their_symbols():
    units = english().units
    assert units["kg"] is units["kilogram"]
    assert units["km"].factor == 1000 * units["m"].factor
