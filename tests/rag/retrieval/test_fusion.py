from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.fusion import MOST_UNITS, UNIT, fuse, stands_out
from rag.types import Hit

SCORES = st.floats(0.001, 1e6)


@st.composite
def rankings(draw: st.DrawFn) -> list[Hit]:
    ids = draw(st.lists(st.sampled_from([f"p{n}" for n in range(30)]), unique=True, max_size=20))
    scores = sorted((draw(SCORES) for _ in ids), reverse=True)
    return [Hit(each, score) for each, score in zip(ids, scores, strict=True)]


def ranking(**scores: float) -> list[Hit]:
    return [Hit(name, score) for name, score in sorted(scores.items(), key=lambda item: -item[1])]


def ids(hits: list[Hit]) -> list[str]:
    return [hit.passage_id for hit in hits]


def slope(prefix: str, top: float, length: int = 100) -> list[Hit]:
    """Scores that fall evenly from `top` to 1."""
    return [Hit(f"{prefix}{n}", top + (1 - top) * n / (length - 1)) for n in range(length)]


def test_a_list_weighs_as_much_as_its_best_stand_out() -> None:
    flat, peaked = slope("f", 2), [Hit("sure", 10.0), *slope("d", 2)[1:]]
    for lexical, dense in ((flat, peaked), (peaked, flat)):
        fused = fuse(lexical, dense)
        assert fused[0] == Hit("sure", pytest.approx(0.5))
        assert fused[1].passage_id in {"f0", "d1"}


def test_the_scale_of_a_list_plays_no_part() -> None:
    one, other = slope("a", 3), slope("b", 2)
    shifted = [Hit(hit.passage_id, 1000 * hit.score - 5) for hit in other]
    expected = fuse(one, other)
    fused = fuse(one, shifted)
    assert {hit.passage_id: hit.score for hit in fused} == {
        hit.passage_id: pytest.approx(hit.score, abs=1e-9) for hit in expected
    }


def test_what_both_find_goes_before_what_one_finds() -> None:
    lexical = ranking(a=10, both=9.9, c=1, d=0.5)
    dense = ranking(x=0.8, both=0.79, y=0.2, z=0.1)
    assert ids(fuse(lexical, dense))[0] == "both"


def test_what_bm25_did_not_give_has_its_zero_and_what_was_cut_off_the_last_score() -> None:
    dense = [Hit(f"d{n}", 1 - n / 100) for n in range(4)]
    short = fuse(ranking(l=5.0, m=4.0), dense)
    units = {hit.passage_id: hit.score * 2 * MOST_UNITS for hit in short}
    assert units["l"] - units["m"] == pytest.approx(0.2)
    full = fuse(ranking(l=5.0, m=4.0, n=3.5, o=3.0), dense)
    units = {hit.passage_id: hit.score * 2 * MOST_UNITS for hit in full}
    assert units["l"] - units["m"] == pytest.approx(0.5)
    assert units["o"] == 0


def test_one_lucky_word_does_not_silence_the_dense_list() -> None:
    (first, *rest) = fuse([Hit("lucky", 12.0)], slope("d", 2))
    assert first == Hit("lucky", pytest.approx(0.5))
    assert ids(rest[:3]) == ["d0", "d1", "d2"]


def test_ties_go_to_the_lexical_list() -> None:
    assert ids(fuse([Hit("z", 1.0)], [Hit("a", 1.0)])) == ["z", "a"]


def test_lists_without_differences_count_by_what_they_hold() -> None:
    fused = fuse([Hit("a", 2.0), Hit("b", 2.0)], [Hit("b", 0.4), Hit("c", 0.4)])
    assert ids(fused) == ["b", "a", "c"]


def test_nothing_gives_nothing() -> None:
    assert fuse([], []) == []


@given(rankings())
def test_one_list_is_left_in_its_order(hits: list[Hit]) -> None:
    assert ids(fuse(hits, [])) == ids(hits)
    assert ids(fuse([], hits)) == ids(hits)


@given(rankings(), rankings())
def test_each_passage_comes_once_best_first_with_a_score_from_0_to_1(lexical: list[Hit], dense: list[Hit]) -> None:
    fused = fuse(lexical, dense)
    assert sorted(ids(fused)) == sorted({*ids(lexical), *ids(dense)})
    scores = [hit.score for hit in fused]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 + 1e-9 for score in scores)
    assert fuse(lexical, dense) == fused


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([], False), ([0.5], True), ([0.5, 0.49 - UNIT], True), ([0.5, 0.51 - UNIT], False), ([0.9, 0.1, 0], True)],
)
def test_a_whole_unit_ahead_is_to_stand_out(scores: list[float], expected: bool) -> None:
    assert stands_out([Hit(str(n), score) for n, score in enumerate(scores)]) is expected
