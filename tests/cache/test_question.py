import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.question import parse


def lemmas(question):
    return [term.lemma for term in parse(question).terms]


def test_a_question_is_terms_with_their_roles_and_what_is_asked():
    parsed = parse("How do I move 3 tables from Oslo to Bergen?")
    assert [(term.lemma, term.role, term.name) for term in parsed.terms] == [
        ("move", "", False),
        ("table", "", False),
        ("oslo", "from", True),
        ("bergen", "to", True),
    ]
    assert (parsed.numbers, parsed.kinds, parsed.sentences) == (("3",), {"how"}, 1)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How do I turn the radio on?", ["turn_on", "radio"]),
        ("How can I sign my son up for chess?", ["sign_up", "son", "chess"]),
        ("How do I get rid of rust?", ["get_rid_of", "rust"]),
        ("What is 2FA?", ["2fa"]),
        ("What is rust for?", ["rust", "for"]),
        ("", []),
        ("?!", []),
    ],
)
def test_phrases_are_one_term_and_a_stranded_preposition_is_one_too(question, expected):
    assert lemmas(question) == expected


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("Is it raining?", {"yes-no"}),
        ("Who sings?", {"who"}),
        ("How many sing?", {"count"}),
        ("In which city was he born?", {"what"}),
        ("Rome weather", set()),
        ("It rains. Why?", {"why"}),
    ],
)
def test_kinds(question, kinds):
    assert parse(question).kinds == kinds


def test_another_language_is_read_word_by_word():
    assert lemmas("Wie heißt die Hauptstadt?") == ["wie", "heisst", "die", "hauptstadt"]


@given(st.text(max_size=200))
def test_any_text_is_read(text):
    assert parse(text).text == text
