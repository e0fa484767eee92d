from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.fields import PLAIN, Weights, keywords, phrases
from rag.retrieval.postings import Postings
from rag.retrieval.segments import MERGE_RATIO, Entry, Segment, compacted
from tests.support.entries import entry

PHRASES = Weights(title=3, phrase=0.5)
DOCUMENTS = st.lists(st.lists(st.lists(st.integers(0, 5), max_size=6), min_size=1, max_size=3), min_size=1, max_size=6)


def named(documents: list[list[list[int]]], title: tuple[int, ...] = ()) -> list[Entry]:
    return [entry(str(n), passages, {"n": n}, title) for n, passages in enumerate(documents)]


def postings(each: Postings) -> list[list[int]]:
    return [each.terms.tolist(), each.starts.tolist(), each.ordinals.tolist(), each.counts.tolist()]


def contents(segment: Segment) -> list[object]:
    """Everything that a segment says, to compare it with another's."""
    flat = [segment.ids.tobytes(), segment.lengths.tolist(), segment.begins.tolist(), segment.alive.tolist()]
    return [*flat, *map(postings, (segment.words, segment.phrases, segment.keywords))]


def count_of(segment: Segment, word: int) -> list[int]:
    counts: list[int] = segment.find(np.array([word], np.uint64), np.empty(0, np.uint64)).counts.tolist()
    return counts


def test_words_of_the_title_count_as_often_as_they_weigh() -> None:
    segment = Segment.of(named([[[1, 2], [2]]], title=(2, 7)), PHRASES)
    assert [count_of(segment, word) for word in (1, 2, 7)] == [[1], [4, 4], [3, 3]]
    assert segment.lengths.tolist() == [2 * 3 + 2, 2 * 3 + 1]


def test_a_phrase_reaches_neither_from_the_title_into_the_text_nor_into_the_next_passage() -> None:
    segment = Segment.of(named([[[1, 2, 1, 2], [3]]], title=(8, 9)), PHRASES)
    terms = phrases(np.array([8, 9, 1, 2, 3, 2, 1], np.uint64))  # 8 9, 9 1, 1 2, 2 3, 3 2, 2 1
    which, ordinals, counts = segment.find(np.empty(0, np.uint64), terms)
    assert list(zip(which.tolist(), ordinals.tolist(), counts.tolist(), strict=True)) == [
        (0, 0, 1),
        (0, 1, 1),
        (2, 0, 2),
        (5, 0, 1),
    ]


def test_phrases_that_weigh_nothing_are_not_kept() -> None:
    assert len(Segment.of(named([[[1, 2, 3]]]), PLAIN).phrases.terms) == 0


def test_the_first_passage_of_each_document_is_marked() -> None:
    segment = Segment.of(named([[[1], [2], [3]], [[1]], [[], [4]]]), PLAIN)
    assert segment.begins.tolist() == [True, False, False, True, True, False]


@pytest.mark.parametrize(
    "spoilt",
    [
        {"passage_ids": b"\0\1\2"},
        {"passage_ids": b"\0" * 16},
        {"sizes": b"\1"},
        {"sizes": b"\1\0\0\0"},
        {"terms": b""},
        {"terms": b"\1" * 9},
        {"keywords": b"\1"},
    ],
)
def test_columns_that_do_not_fit_together_are_refused(spoilt: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"fit together|buffer|reshape"):
        Segment.of([replace(entry("a", [[1, 2], [3]]), **spoilt), entry("b", [[1, 2]])], PLAIN)


@given(DOCUMENTS, st.data())
def test_what_is_gone_leaves_no_trace_in_a_merge(documents: list[list[list[int]]], data: st.DataObject) -> None:
    entries = named(documents, title=(1, 4))
    cut = data.draw(st.integers(1, len(entries)))
    gone = data.draw(st.sets(st.integers(0, len(entries) - 1)))
    keys = keywords({"n": sorted(gone)})
    parts = [Segment.of(part, PHRASES).without(keys) for part in (entries[:cut], entries[cut:]) if part]
    left = [each for n, each in enumerate(entries) if n not in gone]
    assert sum(part.passages for part in parts) == sum(each.passages for each in left)
    if left:
        assert contents(Segment.merged(parts)) == contents(Segment.of(left, PHRASES))


def test_a_segment_that_loses_nothing_is_the_same() -> None:
    segment = Segment.of(named([[[1]], [[2]]]), PLAIN)
    assert segment.without(keywords({"n": 5})) is segment
    thinned = segment.without(keywords({"n": 1}))
    assert (segment.passages, thinned.passages) == (2, 1)
    assert (count_of(segment, 2), count_of(thinned, 2)) == ([1], [])


SIZES = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), max_size=8)


@given(SIZES)
def test_compacted_segments_are_few_and_mostly_alive(sizes: list[tuple[int, int]]) -> None:
    segments = []
    for size, gone in sizes:
        whole = Segment.of([entry(str(n), [[n]], {"n": n}) for n in range(size)], PLAIN)
        segments.append(whole.without(keywords({"n": list(range(gone))})))
    done = compacted(segments)
    assert all(older.passages >= MERGE_RATIO * newer.passages for older, newer in pairwise(done))
    assert all(2 * segment.passages > len(segment.alive) for segment in done)
    ids = [each for segment in segments for each in segment.ids[segment.alive].tolist()]
    assert [each for segment in done for each in segment.ids[segment.alive].tolist()] == ids
