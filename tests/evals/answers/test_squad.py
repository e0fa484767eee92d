import pytest

from evals.answers.squad import contains, exact_match, f1, normalised, without_markers


def test_normalisation_is_squads():
    assert normalised("The  Panthers' defense, a WALL!") == "panthers defense wall"
    assert normalised("U.S. $3") == "us 3"
    assert normalised("theatre") == "theatre"


def test_markers_are_no_words_of_the_answer():
    assert without_markers("It is high. [1] Very [12].") == "It is high. Very."


@pytest.mark.parametrize(
    ("answer", "golds", "holds"),
    [
        ("The defense gave up 308 points.", ["308"], True),
        ("It happened in 1308.", ["308"], False),
        ("the Norman dynasty ruled", ["Duke", "A Norman Dynasty"], True),
        ("word " * 60 + "late", ["late"], False),
        ("word " * 59 + "late", ["late"], True),
        ("", ["x"], False),
    ],
)
def test_an_answer_contains_a_gold_answer_as_whole_words(answer, golds, holds):
    assert contains(answer, golds) is holds


def test_exact_match_is_the_answer_and_nothing_else():
    assert exact_match("The Rudolf Diesel.", ["Diesel", "rudolf diesel"])
    assert not exact_match("by Rudolf Diesel", ["Rudolf Diesel"])


def test_f1_is_of_the_gold_answer_that_fits_best():
    assert f1("by Rudolf Diesel", ["Rudolf Diesel", "nobody"]) == pytest.approx(2 * 2 / 5)
    assert f1("Diesel Diesel", ["Rudolf Diesel"]) == pytest.approx(0.5)
    assert f1("nothing", ["Rudolf Diesel"]) == 0.0
    assert f1("the", ["a"]) == 1.0
    assert f1("", ["Rudolf"]) == 0.0
    assert f1("x", []) == 0.0
