import numpy as np
import pytest

from rag.retrieval.analysis import Analyzer
from rag.retrieval.fields import Weights, phrases
from rag.retrieval.qdrant.sparse import MEAN_LENGTH, passage_vector, question_vector
from rag.retrieval.statistics import Statistics

ANALYZER = Analyzer()
WEIGHTS = Weights(k1=1.4, b=0.5, title=3, phrase=0.25)
HIGHEST = 1 << 31


def terms(text):
    return ANALYZER.terms(text)


def as_dict(vector):
    assert vector.indices == sorted(set(vector.indices))
    return dict(zip(vector.indices, vector.values, strict=True))


def words(text):
    """The dimensions of the words."""
    return [term % HIGHEST for term in terms(text)]


def pairs(text):
    """The dimensions of the phrases."""
    return [int(term) % HIGHEST + HIGHEST for term in phrases(np.array(terms(text), np.uint64))]


def saturated(count, length):
    statistics = Statistics((), WEIGHTS)
    statistics.avgdl = MEAN_LENGTH
    return float(statistics.saturated(np.array([count], np.uint16), np.array([length], np.int32))[0])


def test_a_passage_has_the_weights_of_bm25_at_the_fixed_mean_length():
    vector = as_dict(passage_vector(terms("green house"), terms("green door green"), WEIGHTS))
    length = 3 * 2 + 3
    green, house, door = words("green house door")
    title, first, second = *pairs("green house"), *pairs("green door green")
    counts = {green: 5, house: 3, door: 1, title: 1, first: 1, second: 1}
    assert vector == pytest.approx({each: saturated(count, length) for each, count in counts.items()})


def test_title_and_text_make_no_phrase_together():
    vector = as_dict(passage_vector(terms("green"), terms("house")))
    assert sorted(vector) == sorted(words("green house"))


def test_a_question_counts_what_it_asks_for():
    vector = as_dict(question_vector(terms("green house green house"), WEIGHTS))
    green, house = words("green house")
    there, back = pairs("green house green")
    assert vector == pytest.approx({green: 2, house: 2, there: 2 * 0.25, back: 0.25})


def test_nothing_has_no_dimensions():
    assert as_dict(passage_vector([], [])) == as_dict(question_vector([])) == {}


def test_every_dimension_fits_32_bits_and_words_never_meet_phrases():
    rng = np.random.default_rng(3)
    text = rng.integers(0, 1 << 64, 5_000, np.uint64, endpoint=False).tolist()
    vector = as_dict(passage_vector([], text))
    assert min(vector) >= 0
    assert max(vector) < 1 << 32
    assert sum(each >= HIGHEST for each in vector) == pytest.approx(4_999, abs=5)


def test_equal_terms_of_32_bits_count_as_one():
    vector = as_dict(passage_vector([], [7, 7 + (1 << 40)], Weights()))
    assert len([each for each in vector if each < HIGHEST]) == 1
