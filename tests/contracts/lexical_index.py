"""What every adapter of `rag.ports.LexicalIndex` keeps; subclass it and give the fixture `index`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from rag.errors import DependencyTimeout
from rag.ports import LexicalIndex
from rag.types import Change, Filters, Hit, Space
from tests.contracts.filters import CASES, FIELDS
from tests.support.changes import OTHER_COLLECTION, OTHER_TENANT, SPACE, change, passage_id


def in_order(*changes: Change, after: int = 0) -> list[Change]:
    """The changes as the log gives them."""
    return [replace(each, seq=seq) for seq, each in enumerate(changes, start=after + 1)]


async def search(
    index: LexicalIndex, text: str, space: Space = SPACE, limit: int = 100, filters: Filters | None = None
) -> list[Hit]:
    """A search with time enough."""
    return await index.search(space, text, limit, filters or {}, timeout_s=10)


def ids(hits: Sequence[Hit]) -> list[str]:
    """Passage ids of the hits, best first."""
    return [hit.passage_id for hit in hits]


def corpus(space: Space) -> list[Change]:
    """A few documents; ids of passages are unique over all spaces, as in ingestion."""
    return in_order(
        change("tower", "The tower is made of iron", "Iron rusts when the paint peels off", space=space),
        change("bread", "Bread is made of flour and water", space=space),
        change("river", "The river carries water to the sea", space=space),
        change("engine", "Water cools the engine", space=space),
        change("opera", "Nobody sings before noon", space=space),
    )


CORPUS = corpus(SPACE)


class LexicalIndexContract:
    """The port's promises."""

    @pytest.fixture
    def index(self) -> LexicalIndex:
        """The adapter under test, empty."""
        raise NotImplementedError

    async def test_an_empty_index_finds_nothing_and_stands_at_the_beginning(self, index: LexicalIndex) -> None:
        assert await search(index, "water") == []
        assert index.position == 0

    async def test_only_passages_that_share_a_term_are_found_the_best_first(self, index: LexicalIndex) -> None:
        await index.apply(CORPUS, timeout_s=10)
        hits = await search(index, "water of the river")
        assert ids(hits)[0] == passage_id("river", "The river carries water to the sea")
        assert len(hits) == 3
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
        assert await search(index, "quantum chromodynamics") == []
        assert await search(index, "") == []

    async def test_forms_of_a_word_find_each_other(self, index: LexicalIndex) -> None:
        await index.apply(CORPUS, timeout_s=10)
        assert ids(await search(index, "RIVERS")) == [passage_id("river", "The river carries water to the sea")]

    async def test_titles_and_headings_are_found(self, index: LexicalIndex) -> None:
        await index.apply(in_order(*CORPUS, change("x", "no such word here", title="Zeppelin")), timeout_s=10)
        assert ids(await search(index, "zeppelin")) == [passage_id("x", "no such word here")]

    async def test_a_word_of_the_title_weighs_more_than_one_of_the_text(self, index: LexicalIndex) -> None:
        texts = in_order(
            *CORPUS, change("below", "bridges cross it"), change("above", "towers mark it", title="Bridges")
        )
        await index.apply(texts, timeout_s=10)
        found = ids(await search(index, "bridge"))
        assert found == [passage_id("above", "towers mark it"), passage_id("below", "bridges cross it")]

    async def test_words_that_stand_together_are_found_first(self, index: LexicalIndex) -> None:
        one, other = "the house is white and the fence green", "the green house and the white fence"
        await index.apply(in_order(*CORPUS, change("a", one), change("b", other)), timeout_s=10)
        assert ids(await search(index, "green house")) == [passage_id("b", other), passage_id("a", one)]
        assert ids(await search(index, "fence green")) == [passage_id("a", one), passage_id("b", other)]

    @pytest.mark.parametrize("passages", [1, 2, 3, 4])
    async def test_the_smallest_corpora_are_searched_too(self, index: LexicalIndex, passages: int) -> None:
        texts = ("apple", "banana", "cherry", "damson")[:passages]
        await index.apply(in_order(*(change(text, text) for text in texts)), timeout_s=10)
        for text in texts:
            assert ids(await search(index, text)) == [passage_id(text, text)]

    async def test_a_smaller_limit_gives_the_beginning_of_a_larger_one(self, index: LexicalIndex) -> None:
        await index.apply(in_order(*(change(str(n), f"same words {n % 3}") for n in range(30))), timeout_s=10)
        whole = await search(index, "same words 1")
        assert len(set(ids(whole))) == 30
        for limit in (1, 5, 12, 29):
            found = await search(index, "same words 1", limit=limit)
            # of passages that score alike, the port does not say which come first
            assert [hit.score for hit in found] == [hit.score for hit in whole[:limit]]
            assert set(found) <= set(whole)

    async def test_a_changed_document_is_found_by_what_it_says(self, index: LexicalIndex) -> None:
        await index.apply(CORPUS, timeout_s=10)
        await index.apply(in_order(change("river", "The stream carries sand"), after=5), timeout_s=10)
        assert await search(index, "river") == []
        assert ids(await search(index, "sand")) == [passage_id("river", "The stream carries sand")]

    async def test_a_deleted_document_is_not_found(self, index: LexicalIndex) -> None:
        await index.apply(CORPUS, timeout_s=10)
        await index.apply(in_order(change("tower"), after=5), timeout_s=10)
        assert await search(index, "iron") == []

    async def test_it_ends_the_same_however_the_changes_come(self, index: LexicalIndex) -> None:
        other = corpus(OTHER_TENANT)
        await index.apply([*CORPUS, *in_order(change("tower"), change("new", "Iron ore"), after=5)], timeout_s=10)
        for each in in_order(*other, change("tower", space=OTHER_TENANT), after=7):
            await index.apply([each], timeout_s=10)
        await index.apply(in_order(change("new", "Iron ore", space=OTHER_TENANT), after=13), timeout_s=10)
        here, there = await search(index, "iron water"), await search(index, "iron water", OTHER_TENANT)
        assert [hit.score for hit in here] == pytest.approx([hit.score for hit in there])

    async def test_a_change_already_taken_in_changes_nothing(self, index: LexicalIndex) -> None:
        await index.apply(CORPUS, timeout_s=10)
        before = await search(index, "water iron")
        for _ in range(2):
            await index.apply(CORPUS, timeout_s=10)
            await index.apply(CORPUS[1:3], timeout_s=10)
        assert await search(index, "water iron") == before
        assert index.position == len(CORPUS)

    async def test_position_follows_the_changes(self, index: LexicalIndex) -> None:
        await index.apply(CORPUS[:2], timeout_s=10)
        assert index.position == 2
        await index.apply([], timeout_s=10)
        assert index.position == 2
        await index.apply(in_order(change("bread"), after=41), timeout_s=10)
        assert index.position == 42

    async def test_spaces_share_neither_passages_nor_statistics(self, index: LexicalIndex) -> None:
        await index.apply(CORPUS, timeout_s=10)
        before = await search(index, "water iron")
        strangers = [
            change(f"{space}{n}", f"water water iron {n}", space=space)
            for space in (OTHER_TENANT, OTHER_COLLECTION)
            for n in range(20)
        ]
        await index.apply(in_order(*strangers, after=len(CORPUS)), timeout_s=10)
        assert await search(index, "water iron") == before
        assert len(await search(index, "water", OTHER_TENANT)) == 20

    async def test_filters_leave_what_they_ask_for(self, index: LexicalIndex) -> None:
        documents = [replace(change(key, "the same word"), metadata=fields) for key, fields in FIELDS.items()]
        await index.apply(in_order(*documents), timeout_s=10)
        for filters, expected in CASES:
            found = ids(await search(index, "word", filters=filters))
            assert sorted(found) == sorted(passage_id(key, "the same word") for key in expected), filters

    async def test_a_filter_holds_before_the_limit(self, index: LexicalIndex) -> None:
        documents = [change(str(n), "word word", lang="en") for n in range(20)]
        await index.apply(in_order(*documents, change("x", "word and more", lang="de")), timeout_s=10)
        found = ids(await search(index, "word", limit=1, filters={"lang": "de"}))
        assert found == [passage_id("x", "word and more")]

    async def test_searches_run_side_by_side_with_a_write(self, index: LexicalIndex) -> None:
        await index.apply(CORPUS, timeout_s=10)
        more = in_order(*(change(str(n), f"engine number {n}") for n in range(200)), after=len(CORPUS))
        results = await asyncio.gather(
            *(search(index, "opera sings") for _ in range(20)), index.apply(more, timeout_s=10)
        )
        assert all(ids(hits) == [passage_id("opera", "Nobody sings before noon")] for hits in results if hits)
        assert len(await search(index, "engine", limit=500)) == 201

    async def test_no_time_is_a_timeout(self, index: LexicalIndex) -> None:
        await index.apply(CORPUS, timeout_s=10)
        with pytest.raises(DependencyTimeout):
            await index.search(SPACE, "water", 1, {}, timeout_s=0)
        assert len(await search(index, "water")) == 3
