from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.diversity import SAME_DOCUMENT, diversify
from rag.types import Passage, ScoredPassage


def scored(document: str, score: float, text: str = "", number: int = 0) -> ScoredPassage:
    passage_id = f"{document}{number}"
    return ScoredPassage(Passage(passage_id, document, number, text or f"the text of {passage_id}"), score)


def ids(passages: list[ScoredPassage]) -> list[str]:
    return [each.passage.id for each in passages]


def test_a_document_does_not_crowd_out_the_others() -> None:
    found = list(diversify([scored("a", 1.0), scored("a", 0.9, number=1), scored("b", 0.8), scored("c", 0.7)]))
    assert ids(found) == ["a0", "b0", "a1", "c0"]
    assert [each.score for each in found] == pytest.approx([1.0, 0.8, 0.9 * SAME_DOCUMENT, 0.7])


def test_a_document_that_is_far_better_keeps_its_places() -> None:
    ranked = [scored("a", 1.0 - n / 100, number=n) for n in range(4)] + [scored("b", 0.3)]
    assert ids(list(diversify(ranked))) == ["a0", "a1", "a2", "a3", "b0"]


def test_each_further_passage_of_a_document_loses_once_more() -> None:
    ranked = [scored("a", 1.0, number=n) for n in range(3)]
    assert [each.score for each in diversify(ranked)] == pytest.approx([1, SAME_DOCUMENT, SAME_DOCUMENT**2])


TEXT = " ".join(f"word{n}" for n in range(40))


@pytest.mark.parametrize("copy", [TEXT, TEXT.upper(), f"{TEXT} more", TEXT.replace("word7 ", "")])
def test_a_text_told_twice_goes_to_the_end(copy: str) -> None:
    found = list(diversify([scored("a", 1.0, TEXT), scored("b", 0.9, copy), scored("c", 0.1)]))
    assert ids(found) == ["a0", "c0", "b0"]
    assert found[-1].score == 0


@pytest.mark.parametrize("other", [TEXT[: len(TEXT) // 2], TEXT.replace("word1", "term1"), "something else"])
def test_texts_that_only_resemble_each_other_stay(other: str) -> None:
    assert ids(list(diversify([scored("a", 1.0, TEXT), scored("b", 0.9, other), scored("c", 0.1)]))) == [
        "a0",
        "b0",
        "c0",
    ]


def test_nothing_gives_nothing() -> None:
    assert list(diversify([])) == []


PASSAGES = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1)), max_size=12)


@given(PASSAGES)
def test_every_passage_comes_once_and_the_first_of_each_document_keep_their_order(
    entries: list[tuple[str, float]],
) -> None:
    by_score = sorted(entries, key=lambda entry: -entry[1])
    ranked = [scored(document, score, number=n) for n, (document, score) in enumerate(by_score)]
    found = list(diversify(ranked))
    assert sorted(ids(found)) == sorted(ids(ranked))
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)
    assert firsts(found) == firsts(ranked)
    assert list(islice(diversify(ranked), 3)) == found[:3]


def firsts(passages: list[ScoredPassage]) -> list[str]:
    return list(dict.fromkeys(each.passage.document_id for each in passages))
