import numpy as np
import pytest

from cache.alignment import align
from cache.features import NAMES, features
from cache.question import parse
from cache.veto import VETOES, decisive


def row(asked, stored, cosine=0.5):
    pair = align(parse(asked), parse(stored))
    conflict = decisive(pair) is not None
    return dict(zip(NAMES, features(pair, conflict=conflict, cosine=cosine).tolist(), strict=True))


def test_equal_questions():
    values = row("Who owns the mill?", "Who owns the mill?", 1.0)
    assert values["cosine"] == values["share matched"] == values["words common / all"] == values["same kind"] == 1.0
    assert values["terms left, longer side"] == 0
    assert not any(values[f"veto {name}"] for name in VETOES)


def test_a_veto_is_a_feature():
    values = row("Who was born in 1910?", "Who was born in 1911?")
    assert values["veto number"] == values["conflict"] == 1.0


def test_what_nobody_asks_for_is_not_computed():
    pair = align(parse("Who owns the mill?"), parse("Who owns the mill?"))
    values = features(pair, conflict=False, cosine=0.5, wanted=("cosine",))
    assert values[NAMES.index("cosine")] == values.sum() == 0.5


def test_slips_alone_are_a_feature():
    assert row("Who owns the libarry?", "Who owns the library?")["slips alone"] == 1.0


@pytest.mark.parametrize("question", ["", "?", "Who"])
def test_a_question_without_terms_has_finite_features(question):
    assert all(np.isfinite(list(row(question, "Who owns the mill?").values())))


def test_the_order_of_the_questions_does_not_matter():
    one, other = "Who owns the old mill?", "Who bought a mill in Rome?"
    assert row(one, other) == row(other, one)
