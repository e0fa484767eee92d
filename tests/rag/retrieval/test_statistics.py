from __future__ import annotations

import numpy as np
import pytest
from rank_bm25 import BM25Okapi

from rag.retrieval.fields import PLAIN, keywords
from rag.retrieval.segments import Segment
from rag.retrieval.statistics import Statistics
from tests.support.entries import entry

CORPUS = [[0, 1, 2, 3 + n % 5, 8 + n, 8 + n] for n in range(12)] + [[2, 2, 30], [31]]
ORACLE = BM25Okapi(CORPUS)


@pytest.fixture
def statistics() -> Statistics:
    """Of the corpus in two segments, with documents in both that are gone."""
    documents = [entry(str(n), [terms], {"gone": False}) for n, terms in enumerate(CORPUS)]
    gone = [entry(f"gone {n}", [[0, 3, 40 + n]], {"gone": True}) for n in range(4)]
    parts = [gone[:1] + documents[:9], documents[9:] + gone[1:]]
    return Statistics([Segment.of(part, PLAIN).without(keywords({"gone": True})) for part in parts], PLAIN)


def test_they_are_those_of_rank_bm25(statistics: Statistics) -> None:
    assert statistics.corpus_size == ORACLE.corpus_size
    assert statistics.avgdl == pytest.approx(ORACLE.avgdl)
    assert statistics.average_idf == pytest.approx(ORACLE.average_idf)
    found = {word: sum(word in terms for terms in CORPUS) for word in ORACLE.idf}
    ours = statistics.idf_of(np.array(list(found.values())))
    assert dict(zip(found, ours.tolist(), strict=True)) == pytest.approx(ORACLE.idf)


def test_the_vocabulary_is_walked_only_for_a_frequent_word(statistics: Statistics) -> None:
    statistics.idf_of(np.array([0, 1, 3]))
    assert "average_idf" not in vars(statistics)
    statistics.idf_of(np.array([13]))
    assert "average_idf" in vars(statistics)


def test_an_empty_corpus_has_statistics_too() -> None:
    assert Statistics([], PLAIN).corpus_size == 0
    assert Statistics([], PLAIN).avgdl == 1.0
