from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from rag.ingestion.blocks import Block
from rag.ingestion.pieces import Part, cut
from rag.ingestion.tokens import Costs


def count(texts: Sequence[str]) -> list[int]:
    return [len(re.findall(r"\w{1,4}|[^\w\s]", text)) for text in texts]


COSTS = Costs(count, 256)


def pieces(block: Block, room: int = 50) -> list[tuple[str, str, int]]:
    (part,) = cut([block], [room], COSTS)
    return [(piece.gap, piece.text, piece.cost) for piece in part.pieces]


def test_prose_is_cut_between_sentences() -> None:
    assert pieces(Block("prose", "One two. Three!\n- four")) == [
        ("", "One two.", 3),
        (" ", "Three!", 3),
        ("\n", "- four", 2),
    ]


def test_code_is_cut_between_lines_that_keep_their_indentation() -> None:
    assert pieces(Block("lines", "a. B\n\n  b")) == [("", "a. B", 3), ("\n\n", "  b", 1)]


def test_a_heading_is_not_cut() -> None:
    assert pieces(Block("heading", "One. Two. Three.")) == [("", "One. Two. Three.", 7)]


def test_a_long_stretch_of_space_is_folded() -> None:
    spaces = [" " * 20, "\n" + " " * 20, "\n" * 20]
    assert [pieces(Block("prose", f"One.{space}- Two."))[1][0] for space in spaces] == [" ", "\n", "\n\n"]


def test_a_sentence_that_fits_no_passage_is_cut_between_words() -> None:
    (part,) = cut([Block("prose", "See. One two\nthree four five")], [4], COSTS)
    assert [(piece.gap, piece.text) for piece in part.pieces] == [
        ("", "See."),
        (" ", "One"),
        (" ", "two"),
        ("\n", "three"),
        (" ", "four"),
        (" ", "five"),
    ]
    assert [piece.intact for piece in part.pieces] == [True] + [False] * 5


def test_a_line_that_fits_no_passage_keeps_its_indentation() -> None:
    (part,) = cut([Block("lines", "a\n  b c d e f")], [4], COSTS)
    assert part.text == "a\n  b c d e f"


@pytest.mark.parametrize("word", ["x" * 1000, "각" * 1000, "." * 1000])
def test_a_word_that_fits_no_passage_is_cut_between_characters(word: str) -> None:
    (part,) = cut([Block("prose", f"see {word} there")], [20], COSTS)
    assert part.text == f"see {word} there"
    assert max(piece.cost for piece in part.pieces) <= 20


def test_the_frame_is_counted_and_stands_around_what_is_left_of_the_block() -> None:
    (part,) = cut([Block("lines", "a b\nc", head="```\n", tail="\n```")], [40], COSTS)
    assert (part.frame, part.cost) == (6, 9)
    (second,) = part.between(1, 2)
    assert (second.text, second.cost) == ("```\nc\n```", 7)
    assert part.between(1, 1) == []


def test_a_frame_that_would_fill_the_passage_is_text() -> None:
    (part,) = cut([Block("lines", "1 | 2", head="a | b | c | d\n")], [20], COSTS)
    assert part.text == "a | b | c | d\n1 | 2"
    assert (part.frame, [piece.text for piece in part.pieces]) == (0, ["a | b | c | d", "1 | 2"])


def test_one_call_counts_all_pieces_of_all_blocks() -> None:
    calls: list[Sequence[str]] = []

    def counting(texts: Sequence[str]) -> list[int]:
        calls.append(texts)
        return count(texts)

    parts = cut([Block("prose", "One. Two.")] * 100, [50] * 100, Costs(counting, 256))
    assert len(parts) == 100
    assert all(isinstance(part, Part) for part in parts)
    assert [len(texts) for texts in calls] == [100, 200]
