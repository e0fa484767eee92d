import numpy as np
import pytest

from cache.candidates import LEAST_SIMILARITY
from cache.question import parse
from cache.scorer import default_scorer
from cache.verify import Verifier


def vectors(cosine):
    """Two unit vectors with that cosine."""
    one, other = np.zeros(384, np.float32), np.zeros(384, np.float32)
    one[0], other[0], other[1] = 1.0, cosine, np.sqrt(1 - cosine**2)
    return one, other


@pytest.fixture(scope="module")
def verifier():
    return Verifier()


def test_the_same_question_in_other_words_is_served(verifier):
    judged = verifier.judge(parse("How can I turn on roaming?"), parse("How do I enable roaming?"), *vectors(0.95))
    assert judged.serve
    assert judged.probability >= default_scorer().threshold
    assert judged.reason.startswith("means the same")


def test_a_veto_decides_whatever_the_cosine(verifier):
    judged = verifier.judge(parse("How do I disable roaming?"), parse("How do I enable roaming?"), *vectors(0.999))
    assert (judged.serve, judged.vetoed, judged.reason) == (False, True, "opposites: disable / enable")
    assert judged.probability == default_scorer().ceiling < default_scorer().threshold


def test_below_the_operating_point_a_conflict_may_be_overcome():
    lenient = Verifier(threshold=0.9)
    questions = parse("How do I open the red gate?"), parse("How do I open the blue gate?")
    assert lenient.judge(*questions, *vectors(0.999)).serve
    assert not lenient.judge(*questions, *vectors(0.9)).serve


def test_a_slip_of_the_finger_is_served_though_the_vectors_are_far_apart(verifier):
    questions = parse("How do I enable raoming?"), parse("How do I enable roaming?")
    assert verifier.judge(*questions, *vectors(LEAST_SIMILARITY)).serve


def test_a_slip_of_the_finger_hides_no_conflict(verifier):
    questions = parse("How do I disable the scnaner?"), parse("How do I enable the scanner?")
    assert verifier.judge(*questions, *vectors(0.999)).vetoed


def test_too_little_likeness_is_not_served(verifier):
    judged = verifier.judge(parse("How can I turn on roaming?"), parse("How do I enable roaming?"), *vectors(0.6))
    assert (judged.serve, judged.vetoed) == (False, False)
    assert judged.reason.startswith("probability")


def test_the_order_of_the_two_does_not_matter(verifier):
    one, other = parse("Who sold the mill?"), parse("Who bought the old mill?")
    first, second = vectors(0.93)
    forth, back = verifier.judge(one, other, first, second), verifier.judge(other, one, second, first)
    assert (forth.serve, forth.probability) == (back.serve, back.probability)
