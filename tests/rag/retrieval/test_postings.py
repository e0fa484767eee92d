from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.postings import MERGE_RATIO, Bag, Segment, add_segment

TERMS = st.lists(st.integers(0, 9) | st.integers(2**64 - 3, 2**64 - 1), max_size=8)
BATCHES = st.lists(st.lists(TERMS, min_size=1, max_size=4), min_size=1, max_size=8)


def postings(segment: Segment) -> list[tuple[int, int, int]]:
    """(term, passage, count) of each posting."""
    return list(zip(segment.terms.tolist(), segment.ordinals.tolist(), segment.counts.tolist(), strict=True))


def expected(passages: list[list[int]], first: int = 0) -> list[tuple[int, int, int]]:
    counted = [(t, n, c) for n, terms in enumerate(passages, first) for t, c in Counter(terms).items()]
    return sorted(counted)


@given(TERMS)
def test_a_bag_counts_its_terms(terms: list[int]) -> None:
    bag = Bag.of(terms)
    assert dict(zip(bag.terms.tolist(), bag.counts.tolist(), strict=True)) == Counter(terms)
    assert bag.length == len(terms)
    assert bag.terms.dtype == np.uint64
    assert bag.counts.dtype == np.int32


@given(st.lists(TERMS), st.integers(0, 5))
def test_a_segment_is_sorted_by_term_then_passage(passages: list[list[int]], first: int) -> None:
    segment = Segment.of(first, [Bag.of(terms) for terms in passages])
    assert postings(segment) == expected(passages, first)


@given(st.lists(TERMS, min_size=1))
def test_a_term_is_found_where_it_stands(passages: list[list[int]]) -> None:
    segment = Segment.of(0, [Bag.of(terms) for terms in passages])
    for term in {0, 5, 2**64 - 1, *passages[0]}:
        place = segment.find(term)
        assert postings(segment)[place] == [each for each in postings(segment) if each[0] == term]


def add_all(batches: list[list[list[int]]], alive: np.typing.NDArray[np.bool_]) -> tuple[Segment, ...]:
    segments: tuple[Segment, ...] = ()
    first = 0
    for batch in batches:
        segments = add_segment(segments, Segment.of(first, [Bag.of(terms) for terms in batch]), alive)
        first += len(batch)
    return segments


@given(BATCHES)
def test_merging_loses_nothing(batches: list[list[list[int]]]) -> None:
    passages = [terms for batch in batches for terms in batch]
    segments = add_all(batches, np.ones(len(passages), np.bool_))
    assert sorted(each for segment in segments for each in postings(segment)) == expected(passages)
    for segment in segments:
        assert postings(segment) == sorted(postings(segment))


@given(BATCHES)
def test_each_segment_is_several_times_the_next(batches: list[list[list[int]]]) -> None:
    segments = add_all(batches, np.ones(sum(map(len, batches)), np.bool_))
    sizes = [len(segment.terms) for segment in segments]
    assert all(older >= MERGE_RATIO * newer for older, newer in pairwise(sizes))


@given(st.lists(TERMS, min_size=1), st.data())
def test_a_merge_drops_what_is_gone(passages: list[list[int]], data: st.DataObject) -> None:
    alive = np.array(data.draw(st.lists(st.booleans(), min_size=len(passages), max_size=len(passages))))
    half = len(passages) // 2
    bags = [Bag.of(terms) for terms in passages]
    merged = Segment.merged([Segment.of(0, bags[:half]), Segment.of(half, bags[half:])], alive)
    assert postings(merged) == [each for each in expected(passages) if alive[each[1]]]
