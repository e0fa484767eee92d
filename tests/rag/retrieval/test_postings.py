from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.postings import Postings

PASSAGES = st.lists(st.lists(st.integers(0, 9) | st.just(2**64 - 1), max_size=12), max_size=8)


def postings_of(passages: list[list[int]]) -> Postings:
    ordinals = np.repeat(np.arange(len(passages), dtype=np.int32), [len(terms) for terms in passages])
    return Postings.of(np.array([term for terms in passages for term in terms], np.uint64), ordinals)


def rows(postings: Postings) -> list[tuple[int, int, int]]:
    """Term, passage and count of each posting, as they stand."""
    terms = np.repeat(postings.terms, np.diff(postings.starts)).tolist()
    return list(zip(terms, postings.ordinals.tolist(), postings.counts.tolist(), strict=True))


def expected(passages: list[list[int]]) -> list[tuple[int, int, int]]:
    return sorted((term, n, count) for n, terms in enumerate(passages) for term, count in Counter(terms).items())


@given(PASSAGES)
def test_each_occurrence_is_counted_sorted_by_term_then_passage(passages: list[list[int]]) -> None:
    postings = postings_of(passages)
    assert rows(postings) == expected(passages)
    assert postings.terms.tolist() == sorted({term for terms in passages for term in terms})


@given(PASSAGES, st.lists(st.integers(0, 11), max_size=5))
def test_terms_are_found_in_the_order_asked_for(passages: list[list[int]], terms: list[int]) -> None:
    which, ordinals, counts = postings_of(passages).find(np.array(terms, np.uint64))
    found = list(zip(which.tolist(), ordinals.tolist(), counts.tolist(), strict=True))
    assert found == [(n, *row[1:]) for n, term in enumerate(terms) for row in expected(passages) if row[0] == term]


@given(PASSAGES, PASSAGES, st.data())
def test_a_merge_loses_only_what_is_gone(one: list[list[int]], other: list[list[int]], data: st.DataObject) -> None:
    both = one + other
    alive = data.draw(st.lists(st.booleans(), min_size=len(both), max_size=len(both)))
    place = np.where(alive, np.cumsum(np.array(alive, np.int32)) - 1, -1).astype(np.int32)
    parts = [postings_of(one), postings_of(other)]
    merged = Postings.merged(parts, [place[: len(one)], place[len(one) :]])
    assert rows(merged) == expected([terms for terms, stays in zip(both, alive, strict=True) if stays])


@given(PASSAGES, st.data())
def test_frequencies_count_the_passages_that_are_alive(passages: list[list[int]], data: st.DataObject) -> None:
    alive = data.draw(st.lists(st.booleans(), min_size=len(passages), max_size=len(passages)))
    postings = postings_of(passages)
    left = Counter(term for terms, stays in zip(passages, alive, strict=True) if stays for term in set(terms))
    counted = postings.frequencies(np.array(alive, np.bool_))
    assert counted.tolist() == [left[term] for term in postings.terms.tolist()]


def test_a_count_past_the_highest_stays_the_highest() -> None:
    assert postings_of([[3] * 70_000]).counts.tolist() == [65_535]
