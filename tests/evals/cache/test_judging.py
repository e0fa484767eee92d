import numpy as np

from cache.verify import Verifier
from evals.cache.judging import judge, lay_out
from evals.cache.pairs import LabelledPair

PAIRS = [
    LabelledPair("How do I enable roaming?", "How can I enable roaming?", True, "paraphrase"),
    LabelledPair("How do I enable roaming?", "How do I disable roaming?", False, "antonym"),
    LabelledPair("How do I enable roaming?", "How do I enable roaming?", True),
]


def test_each_pair_is_judged_alone(model):
    laid_out = lay_out(PAIRS, model)
    judged = judge(PAIRS, laid_out, Verifier())
    assert judged.served.tolist() == [True, False, True]
    assert judged.vetoed.tolist() == [False, True, False]
    assert judged.kinds == ("paraphrase", "antonym", "")
    assert judged.same.tolist() == [True, False, True]
    assert np.isclose(judged.cosine[2], 1.0)
    assert (judged.decision_s > 0).all()


def test_b_is_asked_and_a_is_stored(model):
    (laid_out, *_) = lay_out(PAIRS, model)
    assert (laid_out.stored.text, laid_out.asked.text) == (PAIRS[0].a, PAIRS[0].b)
