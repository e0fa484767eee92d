from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.errors import (
    DeadlineExceeded,
    DependencyFailed,
    DependencyTimeout,
    InvalidRequest,
    Overloaded,
    SteadyragError,
)
from rag.pipeline.retrieve import Reranking, Retrieved, Retriever
from rag.ports import Vector
from rag.retrieval.candidates import CandidateFinder
from rag.retrieval.feedback import ShardedVectors
from rag.retrieval.hot import HotQueries
from rag.types import Deadline, Filters, Space
from tests.support.changes import OTHER_TENANT, SPACE
from tests.support.clock import FakeClock
from tests.support.failing import Failing
from tests.support.write_path import SHARDS, WritePath, document, opened

NAMES = ["apple", "banana", "cherry", "damson", "elder", "fig"]
DOWN = (DependencyFailed("down"), DependencyTimeout("late"), Overloaded("full"))


@pytest.fixture
async def path(scratch: Path) -> AsyncIterator[WritePath]:
    async with opened(scratch) as path:
        documents = [document(name, name, parity=n % 2) for n, name in enumerate(NAMES)]
        await path.writer.put(SPACE, documents)
        await path.writer.put(OTHER_TENANT, documents[:1])
        yield path


@pytest.fixture
def store(path: WritePath) -> Any:
    return Failing(path.store)


@pytest.fixture
def deadline(clock: FakeClock) -> Deadline:
    return Deadline.after(10, clock)


Retrieve = Callable[..., Awaitable[Retrieved]]


def finder(path: WritePath) -> CandidateFinder:
    return CandidateFinder(path.lexical, path.index, ShardedVectors(path.shards), feedback=2, plan="fused")


@pytest.fixture
def retrieve(path: WritePath, store: Any, deadline: Deadline) -> Retrieve:
    retriever = Retriever(finder(path), store, hot=HotQueries(0, lambda _space: 1))

    async def vector(text: str) -> Vector:
        vectors = await path.embedder.embed([text], timeout_s=1)
        first: Vector = vectors[0]
        return first

    def call(text: str, top_k: int = 5, filters: Filters | None = None, space: Space = SPACE) -> Awaitable[Retrieved]:
        return retriever.retrieve(
            space, text, lambda: vector(text), top_k=top_k, filters=filters or {}, deadline=deadline
        )

    return call


def names(retrieved: Retrieved) -> list[str]:
    return [each.passage.document_id for each in retrieved.passages]


QUESTION = "cherry5 cherry6 cherry7 cherry8 cherry9 fig1 fig2 fig3"


async def test_both_indexes_agree_on_the_best(retrieve: Retrieve) -> None:
    found = await retrieve(QUESTION)
    assert names(found)[:2] == ["cherry", "fig"]
    assert len(found.passages) == 5
    assert found.degraded == ()
    scores = [each.score for each in found.passages]
    assert scores == sorted(scores, reverse=True)


async def test_passages_come_whole(retrieve: Retrieve, path: WritePath) -> None:
    (best,) = (await retrieve(QUESTION, top_k=1)).passages
    assert best.passage == (await path.documents())["cherry"].passages[0]


@pytest.mark.parametrize("top_k", [1, 3, 6, 50])
async def test_no_more_than_top_k_come(retrieve: Retrieve, top_k: int) -> None:
    assert len((await retrieve(QUESTION, top_k=top_k)).passages) == min(top_k, len(NAMES))


async def test_filters_hold_in_both_indexes(retrieve: Retrieve) -> None:
    assert sorted(names(await retrieve(QUESTION, filters={"parity": 1}))) == ["banana", "damson", "fig"]


async def test_spaces_do_not_mix(retrieve: Retrieve) -> None:
    assert names(await retrieve(QUESTION, space=OTHER_TENANT)) == ["apple"]
    assert (await retrieve(QUESTION, space=Space("nobody", "docs"))).passages == ()


@pytest.mark.parametrize("error", DOWN)
async def test_without_the_lexical_index_the_dense_one_answers(
    retrieve: Retrieve, path: WritePath, error: SteadyragError
) -> None:
    path.lexical.fail("search", error)
    found = await retrieve(QUESTION)
    assert found.degraded == ("lexical-unavailable",)
    assert names(found)[:2] == ["cherry", "fig"]
    assert len(found.passages) == 5


@pytest.mark.parametrize("error", DOWN)
async def test_without_the_dense_index_the_lexical_one_answers(
    retrieve: Retrieve, path: WritePath, error: SteadyragError
) -> None:
    for shard in path.shards:
        shard.fail("search", error)
    found = await retrieve(QUESTION)
    assert found.degraded == ("dense-unavailable",)
    assert names(found) == ["cherry", "fig"]


@pytest.mark.parametrize("error", DOWN)
async def test_without_the_embedder_the_lexical_index_answers(
    retrieve: Retrieve, path: WritePath, error: SteadyragError
) -> None:
    path.embedder.fail("embed", error)
    found = await retrieve(QUESTION)
    assert found.degraded == ("embedder-unavailable",)
    assert names(found) == ["cherry", "fig"]


async def test_a_missing_shard_costs_its_part_of_the_dense_ranking(retrieve: Retrieve, path: WritePath) -> None:
    path.shards[0].fail("search", DependencyFailed("down"))
    found = await retrieve(QUESTION)
    assert found.degraded == (f"shards:{SHARDS - 1}/{SHARDS}",)
    assert sorted(names(found)[:2]) == ["cherry", "fig"]


async def test_every_label_that_is_due_is_given(retrieve: Retrieve, path: WritePath) -> None:
    path.shards[0].fail("search", DependencyFailed("down"))
    path.lexical.fail("search", DependencyFailed("down"))
    assert (await retrieve(QUESTION)).degraded == ("lexical-unavailable", f"shards:{SHARDS - 1}/{SHARDS}")


@pytest.mark.parametrize("dense", ["index", "embedder"])
async def test_without_both_there_is_no_answer(retrieve: Retrieve, path: WritePath, dense: str) -> None:
    path.lexical.fail("search", DependencyFailed("down"))
    for part, method in [(path.embedder, "embed")] if dense == "embedder" else [(s, "search") for s in path.shards]:
        part.fail(method, DependencyFailed("down"))
    with pytest.raises(DependencyFailed, match="neither"):
        await retrieve(QUESTION)


async def test_an_index_that_finds_nothing_has_not_failed(retrieve: Retrieve) -> None:
    found = await retrieve("words that nobody wrote")
    assert found.degraded == ()
    assert len(found.passages) == 5


async def test_what_the_store_does_not_know_is_dropped(retrieve: Retrieve, path: WritePath) -> None:
    path.lexical.fail("apply", DependencyFailed("down"))
    for shard in path.shards:
        shard.fail("delete", DependencyFailed("down"))
    with pytest.raises(DependencyFailed):
        await path.writer.delete(SPACE, ["cherry"])
    assert len(await path.dense_ids({})) == len(NAMES)
    assert len(await path.lexical_ids("cherry7", {})) == 1
    found = await retrieve(QUESTION)
    assert names(found)[0] == "fig"
    assert sorted(names(found)) == ["apple", "banana", "damson", "elder", "fig"]


async def test_without_the_store_there_is_no_answer(retrieve: Retrieve, store: Failing) -> None:
    store.fail("passages", DependencyFailed("the store is down"))
    with pytest.raises(DependencyFailed, match="the store is down"):
        await retrieve(QUESTION)


@pytest.mark.parametrize(
    ("part", "method", "error"),
    [
        (lambda path: path.lexical, "search", ZeroDivisionError("a defect")),
        (lambda path: path.lexical, "search", InvalidRequest("odd")),
        (lambda path: path.embedder, "embed", ZeroDivisionError("a defect")),
        (lambda path: path.embedder, "embed", DeadlineExceeded("over")),
        (lambda path: path.shards[0], "search", ZeroDivisionError("a defect")),
    ],
)
async def test_what_is_no_failure_of_a_dependency_is_not_swallowed(
    retrieve: Retrieve, path: WritePath, part: Callable[[WritePath], Failing], method: str, error: Exception
) -> None:
    part(path).fail(method, error)
    with pytest.raises(type(error)):
        await retrieve(QUESTION)


async def test_without_time_nothing_is_asked(retrieve: Retrieve, path: WritePath, clock: FakeClock) -> None:
    path.lexical.fail("search", AssertionError("asked"))
    clock.advance(10)
    with pytest.raises(DeadlineExceeded):
        await retrieve(QUESTION)
    assert path.words.embedded.count(QUESTION) == 0


async def test_a_question_asked_again_is_answered_from_what_was_found(
    path: WritePath, store: Any, deadline: Deadline
) -> None:
    retriever = Retriever(finder(path), store, hot=HotQueries(10, lambda _space: path.log.position))
    first = await ask(retriever, path, deadline)
    for shard in path.shards:
        shard.fail("search", AssertionError("asked"))
    path.lexical.fail("search", AssertionError("asked"))
    store.fail("passages", AssertionError("asked"))
    assert await ask(retriever, path, deadline) is first
    assert (retriever.hot.hits, retriever.hot.misses) == (1, 1)


async def test_after_a_write_it_is_searched_anew(path: WritePath, deadline: Deadline) -> None:
    retriever = Retriever(finder(path), path.store, hot=HotQueries(10, lambda _space: path.log.position))
    assert names(await ask(retriever, path, deadline))[0] == "cherry"
    await path.writer.delete(SPACE, ["cherry"])
    assert names(await ask(retriever, path, deadline))[0] == "fig"


async def test_a_degraded_result_is_not_kept(path: WritePath, deadline: Deadline) -> None:
    retriever = Retriever(finder(path), path.store, hot=HotQueries(10, lambda _space: 1))
    path.lexical.fail("search", DependencyFailed("down"))
    assert (await ask(retriever, path, deadline)).degraded
    path.lexical.mend()
    assert (await ask(retriever, path, deadline)).degraded == ()


class Judge:
    """A reranker that prefers the texts with the most of a letter.

    Attributes:
        read: how many texts it was given.
    """

    def __init__(self, letter: str) -> None:
        self.letter = letter
        self.read = 0

    async def scores(self, question: str, texts: Sequence[str], *, timeout_s: float) -> list[float]:
        assert question == QUESTION
        assert timeout_s == BUDGET_S
        self.read += len(texts)
        return [float(text.count(self.letter)) for text in texts]


BUDGET_S = 0.25


def reranked(path: WritePath, judge: Any, candidates: int = 4) -> Retriever:
    hot: HotQueries[Retrieved] = HotQueries(10, lambda _space: 1)
    return Retriever(finder(path), path.store, hot=hot, reranking=Reranking(judge, candidates, BUDGET_S))


async def test_the_reranker_has_the_last_word_on_the_best_candidates(path: WritePath, deadline: Deadline) -> None:
    judge = Judge("g")
    found = await ask(reranked(path, judge), path, deadline, top_k=1)
    assert names(found) == ["fig"]
    assert found.degraded == ()
    assert judge.read == 4
    assert found.passages[0].score == 25


async def test_as_many_are_judged_as_are_wanted(path: WritePath, deadline: Deadline) -> None:
    judge = Judge("z")
    assert len((await ask(reranked(path, judge, 2), path, deadline, top_k=5)).passages) == 5
    assert judge.read == 5


@pytest.mark.parametrize("error", DOWN)
async def test_a_reranker_that_fails_is_done_without(
    path: WritePath, deadline: Deadline, error: SteadyragError
) -> None:
    judge = Failing(Judge("g"))
    judge.fail("scores", error)
    found = await ask(reranked(path, judge), path, deadline, top_k=2)
    assert names(found) == ["cherry", "fig"]
    assert found.degraded == ("rerank-skipped",)


async def test_when_time_is_short_nothing_is_reranked(path: WritePath, clock: FakeClock) -> None:
    judge = Judge("g")
    found = await ask(reranked(path, judge), path, Deadline.after(1.9 * BUDGET_S, clock), top_k=2)
    assert found.degraded == ("rerank-skipped",)
    assert judge.read == 0


async def test_a_defect_of_the_reranker_is_not_swallowed(path: WritePath, deadline: Deadline) -> None:
    judge = Failing(Judge("g"))
    judge.fail("scores", ZeroDivisionError("a defect"))
    with pytest.raises(ZeroDivisionError):
        await ask(reranked(path, judge), path, deadline)


async def test_another_plan_is_another_order(path: WritePath, deadline: Deadline) -> None:
    retriever = Retriever(finder(path), path.store, hot=HotQueries(10, lambda _space: 1))
    assert len((await ask(retriever, path, deadline)).passages) == 5
    assert names(await ask(retriever.planned("bm25"), path, deadline)) == ["cherry", "fig"]


async def ask(retriever: Retriever, path: WritePath, deadline: Deadline, top_k: int = 5) -> Retrieved:
    async def vector() -> Vector:
        return path.words.vector(QUESTION)

    return await retriever.retrieve(SPACE, QUESTION, vector, top_k=top_k, filters={}, deadline=deadline)
