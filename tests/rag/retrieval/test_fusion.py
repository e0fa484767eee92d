from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.fusion import RRF_K, reciprocal_rank_fusion
from rag.types import Hit

RANKINGS = st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), max_size=4)


def ranking(ids: str | list[str], score: float = 1.0) -> list[Hit]:
    return [Hit(each, score) for each in ids]


def test_two_rankings_by_the_paper() -> None:
    fused = reciprocal_rank_fusion([ranking("abc"), ranking("cd")])
    assert [hit.passage_id for hit in fused] == ["c", "a", "b", "d"]
    assert [hit.score for hit in fused] == pytest.approx([1 / 63 + 1 / 61, 1 / 61, 1 / 62, 1 / 62])


def test_scores_of_the_indexes_play_no_part() -> None:
    one = reciprocal_rank_fusion([ranking("ab", 1e9), ranking("bc", -5)])
    other = reciprocal_rank_fusion([ranking("ab", 0), ranking("bc", 0.1)])
    assert one == other


def test_nothing_gives_nothing() -> None:
    assert reciprocal_rank_fusion([]) == []
    assert reciprocal_rank_fusion([[], []]) == []


def test_a_small_constant_favours_the_first_ranks() -> None:
    rankings = [ranking("apx"), ranking("qrx")]
    assert reciprocal_rank_fusion(rankings, k=60)[0].passage_id == "x"
    assert reciprocal_rank_fusion(rankings, k=0)[0].passage_id == "a"


@given(RANKINGS)
def test_each_passage_comes_once_best_first_whatever_the_order_of_the_rankings(rankings: list[list[str]]) -> None:
    fused = reciprocal_rank_fusion([ranking(each) for each in rankings])
    assert {hit.passage_id for hit in fused} == {each for ranked in rankings for each in ranked}
    assert len({hit.passage_id for hit in fused}) == len(fused)
    assert [(-hit.score, hit.passage_id) for hit in fused] == sorted((-hit.score, hit.passage_id) for hit in fused)
    again = reciprocal_rank_fusion([ranking(each) for each in reversed(rankings)])
    assert {hit.passage_id: pytest.approx(hit.score) for hit in again} == {hit.passage_id: hit.score for hit in fused}


@given(st.lists(st.sampled_from("abcdefgh"), unique=True))
def test_one_ranking_is_left_as_it_is(ids: list[str]) -> None:
    fused = reciprocal_rank_fusion([ranking(ids)])
    assert [hit.passage_id for hit in fused] == ids
    assert [hit.score for hit in fused] == pytest.approx([1 / (RRF_K + rank) for rank in range(1, len(ids) + 1)])
