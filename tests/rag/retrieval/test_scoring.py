from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from rag.retrieval.fields import PLAIN, Weights, keywords
from rag.retrieval.scoring import BLOCK, Query, best, candidates
from rag.retrieval.segments import Segment
from rag.retrieval.statistics import Statistics
from tests.support.entries import Terms, entry

#: Common words (0 to 2 stand in most passages), rare ones, and some twice in a passage.
CORPUS = [[0, 1, 2, 3 + n % 5, 8 + n, 8 + n] for n in range(12)] + [[2, 2, 30], [31]]


def segments_of(
    passages: Sequence[Terms], *cuts: int, weights: Weights = PLAIN, title: Sequence[int] = ()
) -> list[Segment]:
    """A document for each passage, in segments that end at the cuts."""
    documents = [entry(str(n), [terms], {"n": n}, title) for n, terms in enumerate(passages)]
    spans = zip((0, *cuts), (*cuts, len(documents)), strict=True)
    return [Segment.of(documents[start:end], weights) for start, end in spans]


def scores(segments: Sequence[Segment], terms: Terms, weights: Weights = PLAIN, limit: int = 1_000) -> list[float]:
    """The score of every passage that is alive; minus infinity for one that is not found."""
    found = best(segments, Statistics(segments, weights), Query.of(terms, weights), {}, limit)
    told = []
    for segment, (ordinals, values) in zip(segments, found, strict=True):
        assert values.tolist() == sorted(values.tolist(), reverse=True)
        each = np.full(len(segment.ids), -np.inf)
        each[ordinals] = values
        told.append(each[segment.alive])
    flat: list[float] = np.concatenate(told).tolist()
    return flat


@pytest.mark.parametrize("cuts", [(), (5,), (1, 2, 13)])
@pytest.mark.parametrize("terms", [[0], [3, 9], [0, 1, 2, 4, 8], [2, 2, 30, 31, 99]])
def test_one_plain_field_gives_the_scores_of_rank_bm25(cuts: tuple[int, ...], terms: Terms) -> None:
    expected = BM25Okapi(CORPUS).get_scores(terms)
    for score, oracle, passage in zip(scores(segments_of(CORPUS, *cuts), terms), expected, CORPUS, strict=True):
        assert score == (pytest.approx(oracle, abs=1e-12) if set(terms) & set(passage) else -np.inf)


@pytest.mark.parametrize("weights", [Weights(title=1, phrase=0, neighbour=0), Weights(k1=0.5, b=0.1, epsilon=1)])
def test_the_constants_are_those_of_rank_bm25(weights: Weights) -> None:
    oracle = BM25Okapi(CORPUS, k1=weights.k1, b=weights.b, epsilon=weights.epsilon)
    assert scores(segments_of(CORPUS), [0], weights)[:12] == pytest.approx(oracle.get_scores([0])[:12])


def test_what_is_gone_does_not_count() -> None:
    segments = [segment.without(keywords({"n": [0, 3, 12]})) for segment in segments_of(CORPUS, 5)]
    left = [terms for n, terms in enumerate(CORPUS) if n not in {0, 3, 12}]
    assert scores(segments, [0, 3]) == pytest.approx(scores(segments_of(left), [0, 3]))


FILLER = [[50 + n] for n in range(20)]


def test_words_that_follow_each_other_in_question_and_passage_score_more() -> None:
    weights = Weights(title=1, neighbour=0)
    passages = [[1, 2, 3], [2, 1, 3], [1, 3, 2], *FILLER]
    together, swapped, apart, *_ = scores(segments_of(passages, weights=weights), [1, 2], weights)
    assert together > swapped == apart
    rest = Weights(title=1, neighbour=0, phrase=0)
    assert swapped == pytest.approx(scores(segments_of(passages, weights=rest), [1, 2], rest)[1])
    assert together - swapped == pytest.approx(
        weights.phrase * scores(segments_of([[7, 1, 1], *[[1, 1, 1]] * 2, *FILLER]), [7], weights)[0]
    )


def test_a_word_of_the_title_scores_more_than_one_of_the_text() -> None:
    weights = Weights(b=0)
    documents = [entry("t", [[2]], title=[1]), entry("x", [[1, 2]]), *(entry(str(n), [[n]]) for n in range(5, 30))]
    above, below, *_ = scores([Segment.of(documents, weights)], [1], weights)
    assert above == pytest.approx(
        scores([Segment.of([entry("x", [[1, 1]]), *documents[1:]], weights)], [1], weights)[0]
    )
    assert above > below


def test_the_better_neighbour_of_the_same_document_lends_a_share() -> None:
    weights = Weights(phrase=0, neighbour=0.1)
    documents = [
        entry("a", [[1, 9], [1, 2, 9], [1, 9], [8, 9]]),
        entry("b", [[1, 9]]),
        entry("c", [[1, 2, 9]]),
        *(entry(str(n), [[n]]) for n in range(20, 60)),
    ]
    own = scores([Segment.of(documents, weights)], [1, 2], Weights(phrase=0, neighbour=0))
    lent = scores([Segment.of(documents, weights)], [1, 2], weights)
    assert lent[0] == pytest.approx(own[0] + 0.1 * own[1])
    assert lent[1] == pytest.approx(own[1] + 0.1 * own[0])
    assert lent[2] == pytest.approx(own[2] + 0.1 * own[1])
    assert lent[3] == -np.inf  # a passage is found by its own words alone
    assert lent[4:6] == own[4:6]


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 12), st.sampled_from([0.0, 0.05, 0.5]))
def test_the_best_are_those_of_all_and_of_equals_the_first(seed: int, limit: int, neighbour: float) -> None:
    draw = np.random.default_rng(seed)
    documents = [
        entry(str(n), [draw.integers(0, 40, draw.integers(1, 5)).tolist() for _ in range(draw.integers(1, 6))])
        for n in range(200)
    ]
    weights = Weights(neighbour=neighbour)
    segments = [Segment.of(documents, weights)]
    statistics, query = Statistics(segments, weights), Query.of(draw.integers(0, 40, 3).tolist(), weights)
    ((whole, totals),) = best(segments, statistics, query, {}, 10_000)
    assert len(segments[0].ids) >= BLOCK * limit
    assert whole.tolist() == [n for _, n in sorted(zip((-totals).tolist(), whole.tolist(), strict=True))]
    ((few, scores_of_few),) = best(segments, statistics, query, {}, limit)
    assert few.tolist() == whole[:limit].tolist()
    assert scores_of_few.tolist() == totals[:limit].tolist()


def test_few_of_many_passages_are_looked_at() -> None:
    scores = np.random.default_rng(3).random(100_000)
    found = candidates(scores, np.arange(100_000, dtype=np.int32), 50, 0.0)
    assert set(np.argsort(-scores)[:50].tolist()) <= set(found.tolist())
    assert len(found) < 500
