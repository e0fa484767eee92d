from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rag.errors import DependencyFailed
from rag.ports import Vector
from rag.retrieval.candidates import CandidateFinder, Candidates, Plan, Query
from rag.retrieval.feedback import ShardedVectors, refine
from rag.types import Deadline, Filters, Hit, Space
from tests.support.changes import SPACE
from tests.support.clock import FakeClock
from tests.support.write_path import SHARDS, WritePath, document, opened

NAMES = ["apple", "banana", "cherry", "damson", "elder", "fig"]
QUESTION = "cherry5 cherry6 cherry7 cherry8 cherry9 fig1 fig2 fig3"

#: Two documents answer it equally well.
OPEN = "cherry1 cherry2 fig1 fig2 elder1"


@pytest.fixture
async def path(scratch: Path) -> AsyncIterator[WritePath]:
    async with opened(scratch) as path:
        await path.writer.put(SPACE, [document(name, name, parity=n % 2) for n, name in enumerate(NAMES)])
        yield path


class Watched:
    """The dense index; notes what it was asked."""

    def __init__(self, path: WritePath) -> None:
        self._index = path.index
        self.asked: list[tuple[Vector, Any, int]] = []

    async def search(
        self, space: Space, vector: Vector, limit: int, filters: Filters, *, within: Any = None, timeout_s: float
    ) -> Any:
        self.asked.append((vector, within, limit))
        return await self._index.search(space, vector, limit, filters, within=within, timeout_s=timeout_s)


@pytest.fixture
def dense(path: WritePath) -> Watched:
    return Watched(path)


Find = Callable[..., Awaitable[Candidates]]


@pytest.fixture
def find(path: WritePath, dense: Watched, clock: FakeClock) -> Find:
    async def call(
        plan: Plan = "fused",
        question: str = QUESTION,
        *,
        feedback: int = 0,
        filters: Filters | None = None,
        wanted: int = 5,
    ) -> Candidates:
        async def vector() -> Vector:
            vectors = await path.embedder.embed([question], timeout_s=1)
            first: Vector = vectors[0]
            return first

        vectors = ShardedVectors(path.shards)
        finder = CandidateFinder(path.lexical, dense, vectors, feedback=feedback, plan="fused")  # type: ignore[arg-type]
        query = Query(SPACE, question, vector, filters or {}, wanted, Deadline.after(10, clock))
        return await finder.planned(plan).find(query)

    return call


@pytest.fixture
async def documents(path: WritePath) -> dict[str, str]:
    """Passage id -> document."""
    return {p.id: change.document_id for change in (await path.documents()).values() for p in change.passages}


def names(found: Candidates, documents: dict[str, str]) -> list[str]:
    return [documents[hit.passage_id] for hit in found.hits]


async def test_fused_finds_what_either_index_finds(find: Find, documents: dict[str, str]) -> None:
    found = await find("fused")
    assert names(found, documents)[:2] == ["cherry", "fig"]
    assert sorted(names(found, documents)) == NAMES


async def test_tiered_finds_what_bm25_finds_and_both_judge_it(
    find: Find, documents: dict[str, str], dense: Watched, path: WritePath
) -> None:
    found = await find("tiered", "cherry1 fig1 fig2")
    assert names(found, documents) == ["fig", "cherry"]
    ((_, within, _),) = dense.asked
    assert sorted(documents[each] for each in within) == ["cherry", "fig"]


async def test_tiered_asks_the_dense_index_for_everything_where_bm25_has_nothing(
    find: Find, path: WritePath, dense: Watched
) -> None:
    assert len((await find("tiered", "words that nobody wrote")).hits) == len(NAMES)
    path.lexical.fail("search", DependencyFailed("down"))
    found = await find("tiered")
    assert len(found.hits) == len(NAMES)
    assert found.degraded == ("lexical-unavailable",)
    assert [within for _, within, _ in dense.asked] == [None, None]


async def test_bm25_alone_needs_no_vector(find: Find, documents: dict[str, str], path: WritePath) -> None:
    path.embedder.fail("embed", AssertionError("asked"))
    found = await find("bm25", feedback=3)
    assert names(found, documents) == ["cherry", "fig"]
    assert found.degraded == ()


async def test_dense_alone_needs_no_words(find: Find, documents: dict[str, str], path: WritePath) -> None:
    path.lexical.fail("search", AssertionError("asked"))
    found = await find("dense", feedback=3)
    assert names(found, documents)[:2] == ["cherry", "fig"]
    assert (len(found.hits), found.degraded) == (len(NAMES), ())


@pytest.mark.parametrize("plan", ["fused", "tiered"])
async def test_feedback_asks_again_with_the_question_moved_towards_the_best(
    find: Find, path: WritePath, dense: Watched, documents: dict[str, str], plan: Plan
) -> None:
    first = await find(plan, OPEN)
    dense.asked.clear()
    found = await find(plan, OPEN, feedback=2)
    assert set(names(found, documents)[:2]) == {"cherry", "fig"}
    (question, within, _), (moved, again_within, _) = dense.asked
    held = (await ShardedVectors(path.shards).vectors([hit.passage_id for hit in first.hits], timeout_s=1)).by_passage
    assert moved == pytest.approx(refine(question, [held[hit.passage_id] for hit in first.hits[:2]]), abs=1e-5)
    assert again_within == within


@pytest.mark.parametrize("plan", ["fused", "tiered"])
async def test_where_one_passage_stands_out_nothing_is_asked_again(find: Find, dense: Watched, plan: Plan) -> None:
    await find(plan, "cherry1 cherry2 cherry3", feedback=2)
    assert len(dense.asked) == 1


async def test_what_the_first_round_found_stands_when_the_second_fails(
    find: Find, path: WritePath, documents: dict[str, str]
) -> None:
    expected = await find(question=OPEN)
    for shard in path.shards:
        shard.fail("vectors", DependencyFailed("down"))
    found = await find(question=OPEN, feedback=2)
    assert found == Candidates(expected.hits, (f"shards:0/{SHARDS}",))


async def test_a_shard_that_gives_no_vectors_is_told_of(find: Find, path: WritePath) -> None:
    path.shards[0].fail("vectors", DependencyFailed("down"))
    assert (await find(question=OPEN, feedback=2)).degraded == (f"shards:{SHARDS - 1}/{SHARDS}",)


async def test_a_shard_that_fails_costs_its_time_once(find: Find, path: WritePath, dense: Watched) -> None:
    path.shards[0].fail("search", DependencyFailed("down"))
    assert (await find(feedback=2)).degraded == (f"shards:{SHARDS - 1}/{SHARDS}",)
    assert len(dense.asked) == 1


@pytest.mark.parametrize("plan", ["bm25", "dense"])
async def test_an_index_that_is_alone_and_fails_leaves_nothing(find: Find, path: WritePath, plan: Plan) -> None:
    for part in (path.lexical, *path.shards):
        part.fail("search", DependencyFailed("down"))
    with pytest.raises(DependencyFailed, match="neither"):
        await find(plan)


@pytest.mark.parametrize(("plan", "wanted", "limit"), [("fused", 5, 100), ("fused", 300, 150), ("dense", 300, 300)])
async def test_lists_are_of_one_length_unless_more_is_wanted_than_they_hold(
    find: Find, dense: Watched, plan: Plan, wanted: int, limit: int
) -> None:
    await find(plan, wanted=wanted)
    assert [asked for *_, asked in dense.asked] == [limit]


async def test_filters_hold_in_both_rounds(find: Find, documents: dict[str, str]) -> None:
    for plan in ("fused", "tiered", "bm25", "dense"):
        found = await find(plan, feedback=2, filters={"parity": 1})
        assert set(names(found, documents)) <= {"banana", "damson", "fig"}
        assert names(found, documents)[0] == "fig"


async def test_both_indexes_are_asked_side_by_side(path: WritePath, clock: FakeClock) -> None:
    lexical_asked = asyncio.Event()

    class Lexical:
        async def search(self, *args: Any, **kwargs: Any) -> list[Hit]:
            lexical_asked.set()
            hits: list[Hit] = await path.lexical.search(*args, **kwargs)
            return hits

    async def vector() -> Vector:
        await asyncio.wait_for(lexical_asked.wait(), 5)
        return path.words.vector(QUESTION)

    finder = CandidateFinder(
        Lexical(),  # type: ignore[arg-type]
        path.index,
        ShardedVectors(path.shards),
        feedback=0,
        plan="fused",
    )
    found = await finder.find(Query(SPACE, QUESTION, vector, {}, 5, Deadline.after(10, clock)))
    assert len(found.hits) == len(NAMES)
