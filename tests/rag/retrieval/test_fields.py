from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.fields import keywords, phrases

TERM = st.integers(0, 2**64 - 1)


def phrases_of(terms: list[int]) -> list[int]:
    told: list[int] = phrases(np.array(terms, np.uint64)).tolist()
    return told


@given(st.lists(TERM, max_size=8))
def test_there_is_a_phrase_for_each_two_that_follow_each_other(terms: list[int]) -> None:
    assert phrases_of(terms) == [phrase for pair in pairwise(terms) for phrase in phrases_of([*pair])]


def test_different_pairs_are_different_phrases() -> None:
    terms = np.random.default_rng(5).integers(2**64, size=300, dtype=np.uint64).tolist()
    pairs = np.array([phrases_of([a, b])[0] for a in terms for b in terms], np.uint64)
    assert len(np.unique(pairs)) == len(terms) ** 2
    assert len(np.unique(pairs & np.uint64(0xFFFFFFFF))) > len(pairs) * 0.99  # the low half alone is well mixed


def test_keywords_are_stable() -> None:
    # A literal, since indexes on disk outlive the process: another value here makes filters find nothing.
    assert keywords({"lang": "en"}).tolist() == [1571084846800030963]


def test_values_of_different_kinds_are_different_keywords() -> None:
    values = [1, True, "1", "true", 0, False, "", 2**70, "a"]
    assert len({*keywords({"key": values, "other": 1}).tolist()}) == len(values) + 1


@pytest.mark.parametrize(
    ("fields", "pairs"),
    [
        ({}, []),
        ({"lang": "en", "year": 2020}, [("lang", "en"), ("year", 2020)]),
        ({"tags": ["x", "y"], "open": True}, [("tags", "x"), ("tags", "y"), ("open", True)]),
        ({"pair": ("a", 1)}, [("pair", "a"), ("pair", 1)]),
        ({"score": 1.5, "nothing": None, "nested": {"a": 1}, "mixed": [None, "z"]}, [("mixed", "z")]),
    ],
)
def test_each_value_that_a_filter_can_ask_for_is_a_keyword(
    fields: dict[str, object], pairs: list[tuple[str, str | int]]
) -> None:
    assert keywords(fields).tolist() == [keywords({key: value})[0] for key, value in pairs]
    assert keywords(fields).dtype == np.uint64
