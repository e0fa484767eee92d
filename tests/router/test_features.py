import numpy as np
import pytest

from router.features import EVIDENCE_NAMES, NAMES, READ_CHARS, Evidence, features


def of(text, evidence=None):
    return dict(zip(NAMES, features(text, evidence), strict=True))


def test_every_name_has_its_number():
    found = features("What is BM25?", Evidence(0.5, 3, 900))
    assert found.shape == (len(NAMES),)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("What is BM25?", "asks_fact", 1.0),
        ("Calculate the sum.", "asks_task", 1.0),
        ("Which one?\nA. one\nB. two", "options", 1.0),
        ("Which is not a bird?", "negation", 1.0),
        ("A bird in the hand", "negation", 0.0),
        ("def f(x): return x", "code", 1.0),
        ("3 apples and 4 pears", "numbers", pytest.approx(np.log1p(2))),
        ("$3 each, 4 per hour", "rates", pytest.approx(np.log1p(3))),
        ("Each teacher", "rates", pytest.approx(np.log1p(1))),
        ("Twice as many, three times as old", "multiples", pytest.approx(np.log1p(2))),
        ("Half of it, and 2/3 of the rest", "fractions", pytest.approx(np.log1p(2))),
        ("1.5 litres at 3.25, and 1,000 more.", "decimals", pytest.approx(np.log1p(2))),
        ("20% of 5 percent", "percentages", pytest.approx(np.log1p(2))),
    ],
)
def test_what_the_words_tell(text, name, expected):
    assert of(text)[name] == expected


def test_what_retrieval_did_not_tell_is_missing():
    assert all(np.isnan(of("What?", evidence)[name]) for evidence in (None, Evidence()) for name in EVIDENCE_NAMES)


def test_nothing_but_its_beginning_is_read_of_a_long_question():
    assert of("why " * READ_CHARS)["characters"] == pytest.approx(np.log1p(READ_CHARS))


def test_a_question_without_words_has_features():
    assert np.isfinite(features("???", Evidence(0.0, 0, 0))).all()
