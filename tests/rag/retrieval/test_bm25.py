from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from rag.retrieval.bm25 import Bm25, Entry, matches
from rag.retrieval.postings import Bag
from rag.types import Filters
from tests.contracts.filters import CASES, FIELDS

Terms = list[int]
#: Document id -> its passages, each a list of terms; empty for a deletion.
Batch = list[tuple[str, list[Terms]]]

TERM = st.integers(0, 12)
PASSAGE = st.lists(TERM, min_size=1, max_size=12)
BATCH = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.lists(PASSAGE, max_size=4)), min_size=1, max_size=4)
HISTORY = st.lists(BATCH, min_size=1, max_size=8)
QUERY = st.lists(TERM | st.just(99), max_size=6)


def entry(document_id: str, passages: Sequence[Terms], metadata: Mapping[str, object] | None = None) -> Entry:
    names = [f"{document_id}:{n}:{json.dumps(terms)}" for n, terms in enumerate(passages)]
    return Entry(document_id, names, [Bag.of(terms) for terms in passages], metadata or {})


def replay(history: list[Batch]) -> tuple[Bm25, dict[str, Terms]]:
    """The index after all batches, and the passages that are left: id -> terms."""
    index = Bm25()
    left: dict[str, Entry] = {}
    texts: dict[str, Terms] = {}
    for batch in history:
        entries = [entry(document_id, passages) for document_id, passages in batch]
        index.replace(entries)
        left.update({each.document_id: each for each in entries})
        texts.update(
            {
                i: terms
                for e, (_, p) in zip(entries, batch, strict=True)
                for i, terms in zip(e.passage_ids, p, strict=True)
            }
        )
    return index, {each: texts[each] for kept in left.values() for each in kept.passage_ids}


@settings(max_examples=150)
@given(HISTORY, QUERY)
def test_scores_are_those_of_rank_bm25_over_what_is_left(history: list[Batch], query: Terms) -> None:
    index, passages = replay(history)
    assert len(index) == len(passages)
    hits = {hit.passage_id: hit.score for hit in index.search(query, 1_000, {})}
    assert set(hits) == {each for each, terms in passages.items() if set(terms) & set(query)}
    if not hits:
        return
    oracle = BM25Okapi(list(passages.values()))
    expected = dict(zip(passages, oracle.get_scores(query), strict=True))
    # the sum of the terms' shares may cancel, since a small corpus gives frequent terms a negative weight
    shares = np.sum([abs(oracle.get_scores([term])) for term in query], axis=0)
    size = dict(zip(passages, shares, strict=True))
    for each, score in hits.items():
        assert score == pytest.approx(expected[each], rel=1e-5, abs=1e-5 * size[each] + 1e-12)


def test_scores_are_those_of_rank_bm25_over_a_larger_corpus() -> None:
    draw = np.random.default_rng(7)
    corpus = [draw.zipf(1.3, draw.integers(5, 80)).clip(max=3_000).tolist() for _ in range(1_500)]
    index = Bm25()
    for start in range(0, len(corpus), 40):
        index.replace(entry(f"{n:05}", [corpus[n]]) for n in range(start, min(start + 40, len(corpus))))
    index.replace(entry(f"{n:05}", []) for n in range(0, 300, 3))
    left = [terms for n, terms in enumerate(corpus) if n >= 300 or n % 3]
    oracle = BM25Okapi(left)
    for query in ([1, 2, 3], [5, 5, 700], [2_999, 41, 8, 13]):
        scores = np.array([hit.score for hit in index.search(query, 2_000, {})])
        expected = np.sort(oracle.get_scores(query))[::-1]
        np.testing.assert_allclose(scores, expected[: len(scores)], rtol=1e-5)
        assert (expected[len(scores) :] == 0).all()


@given(HISTORY, QUERY, st.integers(1, 10))
def test_hits_come_best_first_the_oldest_of_equals_before_the_others(
    history: list[Batch], query: Terms, limit: int
) -> None:
    index, _ = replay(history)
    hits = index.search(query, 1_000, {})
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert index.search(query, limit, {}) == hits[:limit]


def test_equals_come_in_the_order_in_which_they_were_stored() -> None:
    index = Bm25()
    for n in range(40):
        index.replace([entry(str(n), [[1, 2]])])
    index.replace([entry("3", [[1, 2]])])
    order = [str(n) for n in range(40) if n != 3] + ["3"]
    for limit in (1, 7, 39, 40):
        assert [hit.passage_id.split(":")[0] for hit in index.search([1], limit, {})] == order[:limit]


def test_an_entry_counts_once_however_often_it_stands_in_a_batch() -> None:
    index = Bm25()
    index.replace([entry("a", [[1], [2]]), entry("b", [[3]]), entry("a", [[4]])])
    assert len(index) == 2
    assert [index.search([term], 10, {}) != [] for term in (1, 2, 3, 4)] == [False, False, True, True]


def test_an_empty_index_finds_nothing() -> None:
    index = Bm25()
    assert index.search([1], 10, {}) == []
    index.replace([])
    index.replace([entry("a", [])])
    assert index.search([1], 10, {}) == []
    assert len(index) == 0


def test_passages_without_terms_are_counted_and_never_found() -> None:
    index = Bm25()
    index.replace([entry("a", [[]]), entry("b", [[]])])
    assert len(index) == 2
    index.replace([entry("c", [[1, 1, 2]])])
    assert [hit.score for hit in index.search([1], 10, {})] == pytest.approx(
        [BM25Okapi([[], [], [1, 1, 2]]).get_scores([1])[2]]
    )


@given(HISTORY)
def test_the_way_to_a_state_leaves_no_trace(history: list[Batch]) -> None:
    index, passages = replay(history)
    fresh = Bm25()
    fresh.replace(entry(each, [terms]) for each, terms in passages.items())
    for query in ([0], [1, 2], [3, 4, 5]):
        scores = [hit.score for hit in index.search(query, 1_000, {})]
        assert scores == pytest.approx([hit.score for hit in fresh.search(query, 1_000, {})], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("filters", "expected"), CASES)
def test_matches(filters: Filters, expected: str) -> None:
    fields = {key: {**values, "document_id": key} for key, values in FIELDS.items()}
    assert "".join(key for key in fields if matches(fields[key], filters)) == expected


def test_filters_leave_scores_as_they_are() -> None:
    index = Bm25()
    index.replace(entry(str(n), [[1, n]], {"odd": n % 2 == 1}) for n in range(10))
    whole = {hit.passage_id: hit.score for hit in index.search([1, 5], 100, {})}
    odd = index.search([1, 5], 100, {"odd": True})
    assert len(odd) == 5
    assert all(hit.score == whole[hit.passage_id] for hit in odd)
