from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.ingestion.blocks import Block, Heading, Path
from rag.ingestion.context import Context, contexts
from rag.ingestion.tokens import Costs


def count(texts: Sequence[str]) -> list[int]:
    return [len(re.findall(r"\w{1,4}|[^\w\s]", text)) for text in texts]


COSTS = Costs(count, 256)


def path_of(*texts: str) -> Path:
    return tuple(Heading(number, text) for number, text in enumerate(texts))


def context(title: str, *texts: str, limit: int = 64) -> Context:
    (made,) = contexts(title, [path_of(*texts)], limit, COSTS)
    return made


def heading(*texts: str) -> Block:
    return Block("heading", texts[-1], path=path_of(*texts), head="# ", level=1)


def test_title_and_headings() -> None:
    assert context("Title", "A", "B") == Context("Title", "A > B", 6, path_of("A", "B"), complete=True)
    assert context("", "A") == Context("", "A", 1, path_of("A"), complete=True)
    assert context("") == Context("", "", 0, (), complete=True)


@pytest.mark.parametrize("first", ["My title", "my  TITLE", "My"])
def test_a_heading_that_the_title_says_is_left_out_and_still_shown(first: str) -> None:
    made = context("My title", first, "A")
    assert (made.title, made.heading) == ("My title", "A")
    assert made.shows(heading(first))
    assert made.shows(heading(first, "A"))


def test_only_headings_of_the_path_are_shown() -> None:
    made = context("T", "A", "B")
    assert not made.shows(heading("B"))
    assert not made.shows(heading("A", "B", "C"))
    assert not made.shows(Block("prose", "A", path=path_of("A")))


def test_of_a_long_path_the_innermost_headings_stay() -> None:
    made = context("Title", "outer words", "middle words", "inner", limit=8)
    assert (made.title, made.heading, made.tokens) == ("Title", "inner", 5)
    assert not made.shows(heading("outer words"))


def test_a_long_title_leaves_half_to_the_headings() -> None:
    made = context("one two three four five six seven", "eight nine ten eleven", limit=8)
    assert (made.title, made.heading) == ("one two…", "eight nine…")
    assert not made.shows(heading("eight nine ten eleven"))


def test_a_long_title_hides_the_heading_that_repeats_it() -> None:
    title = "one two three four five six seven"
    made = context(title, title, "A", limit=8)
    assert (made.title, made.heading) == ("one two…", "A")
    assert not made.shows(heading(title))


def test_a_word_without_end_is_cut() -> None:
    assert context("x" * 10_000, limit=8).title == "xx…"


@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=4), st.integers(8, 64))
def test_never_longer_than_the_limit(title: str, path: list[str], limit: int) -> None:
    made = context(title, *path, limit=limit)
    joined = " > ".join(part for part in (made.title, made.heading) if part)
    assert made.tokens == COSTS([joined])[0] <= limit
