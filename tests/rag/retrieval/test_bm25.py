from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from rag.retrieval.analysis import Analyzer
from rag.retrieval.bm25 import Bm25
from rag.retrieval.fields import PLAIN
from rag.retrieval.segments import MERGE_RATIO, Entry, Segment
from tests.support.entries import Terms, entry, passage_id

SQUAD = Path(__file__).parents[4] / "shared" / "data" / "retrieval" / "squad"
QUESTIONS = 200
#: Document id -> its passages, each a list of terms; empty for a deletion.
Batch = list[tuple[str, list[Terms]]]

TERM = st.integers(0, 12)
PASSAGE = st.lists(TERM, min_size=1, max_size=12)
BATCH = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.lists(PASSAGE, max_size=4)), min_size=1, max_size=4)
HISTORY = st.lists(BATCH, min_size=1, max_size=8)
QUERY = st.lists(TERM | st.just(99), max_size=6)


def replay(history: list[Batch]) -> tuple[Bm25, dict[str, Terms]]:
    """The index after all batches, and the passages that are left: id -> terms."""
    index = Bm25(PLAIN)
    left: dict[str, list[Terms]] = {}
    for batch in history:
        index.replace(entry(document_id, passages) for document_id, passages in batch)
        left.update(batch)
    return index, {
        passage_id(key, n, terms): terms for key, passages in left.items() for n, terms in enumerate(passages)
    }


def scores(index: Bm25, query: Terms) -> dict[str, float]:
    """Passage id -> score of all that is found."""
    return {hit.passage_id: hit.score for hit in index.search(query, 100_000, {})}


@settings(max_examples=150)
@given(HISTORY, QUERY)
def test_scores_are_those_of_rank_bm25_over_what_is_left(history: list[Batch], query: Terms) -> None:
    index, passages = replay(history)
    assert len(index) == len(passages)
    found = scores(index, query)
    assert set(found) == {each for each, terms in passages.items() if set(terms) & set(query)}
    if found:
        oracle = BM25Okapi(list(passages.values())).get_scores(query)
        expected = dict(zip(passages, oracle, strict=True))
        assert found == pytest.approx({each: expected[each] for each in found}, abs=1e-9)


def check(corpus: dict[str, Terms], index: Bm25, queries: Sequence[Terms]) -> None:
    """Every passage's score is that of `BM25Okapi.get_scores`, 0 for what is not found."""
    oracle = BM25Okapi(list(corpus.values()))
    for query in queries:
        found = scores(index, query)
        ours = np.array([found.get(each, 0.0) for each in corpus])
        np.testing.assert_allclose(ours, oracle.get_scores(query), rtol=0, atol=1e-6)


def test_scores_are_those_of_rank_bm25_over_a_larger_corpus() -> None:
    draw = np.random.default_rng(7)
    corpus = [draw.zipf(1.3, draw.integers(5, 80)).clip(max=3_000).tolist() for _ in range(1_500)]
    index = Bm25(PLAIN)
    for start in range(0, len(corpus), 40):
        index.replace(entry(str(n), [corpus[n]]) for n in range(start, min(start + 40, len(corpus))))
    index.replace(entry(str(n), []) for n in range(0, 300, 3))
    left = {passage_id(str(n), 0, terms): terms for n, terms in enumerate(corpus) if n >= 300 or n % 3}
    check(left, index, [[1, 2, 3], [5, 5, 700], [2_999, 41, 8, 13]])


@pytest.mark.slow
@pytest.mark.skipif(not SQUAD.is_dir(), reason=f"no {SQUAD}")
def test_scores_are_those_of_rank_bm25_over_real_text() -> None:
    terms = Analyzer().terms
    with gzip.open(SQUAD / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    corpus = {each["_id"]: terms(f"{each['title']}\n{each['text']}") for each in documents}
    index = Bm25(PLAIN)
    index.replace(entry(key, [words]) for key, words in corpus.items())
    questions = (SQUAD / "queries.jsonl").read_text(encoding="utf-8").splitlines()[:QUESTIONS]
    passages = {passage_id(key, 0, words): words for key, words in corpus.items()}
    check(passages, index, [terms(json.loads(line)["text"]) for line in questions])


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
    order = [passage_id(str(n), 0, [1, 2]) for n in [*(n for n in range(40) if n != 3), 3]]
    for limit in (1, 7, 39, 40):
        assert [hit.passage_id for hit in index.search([1], limit, {})] == order[:limit]


def test_an_entry_counts_once_however_often_it_stands_in_a_batch() -> None:
    index = Bm25()
    index.replace([entry("a", [[1], [2]]), entry("b", [[3]]), entry("a", [[4]])])
    assert len(index) == 2
    assert [index.search([term], 10, {}) != [] for term in (1, 2, 3, 4)] == [False, False, True, True]


def test_an_empty_index_finds_nothing() -> None:
    index = Bm25()
    for entries in ([], [entry("a", [])], [entry("a", [[1]])], [entry("a", [])]):
        assert len(index.search([1], 10, {})) == len(index)
        index.replace(entries)
    assert len(index) == 0
    assert index.search([1], 10, {}) == []


def test_passages_without_terms_are_counted_and_never_found() -> None:
    index = Bm25(PLAIN)
    index.replace([entry("a", [[]]), entry("b", [[]])])
    assert len(index) == 2
    assert index.search([1], 10, {}) == []
    index.replace([entry("c", [[1, 1, 2]])])
    assert [hit.score for hit in index.search([1], 10, {})] == pytest.approx(
        [BM25Okapi([[], [], [1, 1, 2]]).get_scores([1])[2]]
    )


@given(HISTORY)
def test_the_way_to_a_state_leaves_no_trace(history: list[Batch]) -> None:
    index = Bm25()
    left: dict[str, list[Terms]] = {}
    for batch in history:
        index.replace(entry(document_id, passages) for document_id, passages in batch)
        left.update(batch)
    fresh = Bm25()
    fresh.replace(entry(document_id, passages) for document_id, passages in left.items())
    for query in ([0], [1, 2], [3, 4, 5]):
        assert scores(index, query) == pytest.approx(scores(fresh, query))


def test_filters_leave_scores_as_they_are() -> None:
    index = Bm25()
    index.replace(entry(str(n), [[1, n]], {"odd": n % 2 == 1}) for n in range(10))
    whole = scores(index, [1, 5])
    odd = index.search([1, 5], 100, {"odd": True})
    assert len(odd) == 5
    assert all(hit.score == whole[hit.passage_id] for hit in odd)


class Work:
    """Counts the passages that indexes build and merge."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.built: list[int] = []
        self.merged: list[int] = []
        build, merge = Segment.of, Segment.merged

        def of(entries: Sequence[Entry], *rest: object) -> Segment:
            self.built.append(sum(each.passages for each in entries))
            return build(entries, *rest)  # type: ignore[arg-type]

        def merged(segments: Sequence[Segment]) -> Segment:
            self.merged.append(sum(len(each.alive) for each in segments))
            return merge(segments)

        monkeypatch.setattr(Segment, "of", of)
        monkeypatch.setattr(Segment, "merged", merged)


DOCUMENTS, TOGETHER = 10_000, 50


def test_ten_thousand_documents_come_and_go_without_a_rebuild(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch)
    index = Bm25()
    for start in range(0, DOCUMENTS, TOGETHER):
        index.replace(entry(str(n), [[n % 7, n]]) for n in range(start, start + TOGETHER))
    assert work.built == [TOGETHER] * (DOCUMENTS // TOGETHER)
    levels = np.log(DOCUMENTS / TOGETHER) / np.log(MERGE_RATIO)
    assert sum(work.merged) < (MERGE_RATIO + 1) * (levels + 1) * DOCUMENTS
    assert sum(merged > DOCUMENTS / 2 for merged in work.merged) < 20
    work.merged.clear()
    for start in range(0, DOCUMENTS, TOGETHER):
        index.replace(entry(str(n), []) for n in range(start, start + TOGETHER))
        assert len(index) == DOCUMENTS - start - TOGETHER
    assert len(work.built) == DOCUMENTS // TOGETHER
    assert sum(work.merged) < (MERGE_RATIO + 1) * DOCUMENTS


def test_a_small_batch_leaves_the_large_segments_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch)
    index = Bm25()
    index.replace(entry(str(n), [[n]]) for n in range(DOCUMENTS))
    for n in range(100):
        index.replace([entry(f"new {n}", [[n]]), entry(str(n), [])])
    assert max(work.merged) <= 100
    assert sum(work.merged) < 100 * 25


def test_what_is_replaced_again_and_again_does_not_pile_up() -> None:
    index = Bm25()
    for round_number in range(300):
        index.replace(entry(str(n), [[n, round_number]]) for n in range(20))
        segments = index._view.segments
        assert sum(len(segment.ids) for segment in segments) <= 2 * len(index)
        assert sum(len(segment.words.ordinals) for segment in segments) <= 2 * 2 * len(index)
