from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from rag.errors import BreakerOpen, DependencyFailed, DependencyTimeout, Overloaded
from rag.ports import PassageIndex
from rag.retrieval.edge import EdgeIndex
from rag.retrieval.sharded import ShardedIndex, shard_of
from rag.types import Space
from tests.contracts.passage_index import DIMENSION, direction, found, ids, point
from tests.support.changes import OTHER_TENANT, SPACE
from tests.support.failing import Failing

SHARDS = 3
NAMES = [f"document-{n}" for n in range(12)]


@pytest.fixture
def shards(scratch: Path, pool: ThreadPoolExecutor) -> Iterator[list[Failing]]:
    with ExitStack() as stack:
        opened = [EdgeIndex(scratch / f"shard-{n}", DIMENSION, pool) for n in range(SHARDS)]
        for shard in opened:
            stack.callback(shard.close)
        yield [Failing(shard) for shard in opened]


@pytest.fixture
def index(shards: list[PassageIndex]) -> ShardedIndex:
    return ShardedIndex(shards)


async def fill(index: ShardedIndex) -> None:
    await index.upsert([point(name, 5 * n, parity=n % 2) for n, name in enumerate(NAMES)], timeout_s=10)


def on(shard: int) -> list[str]:
    return [name for name in NAMES if shard_of(SPACE, name, SHARDS) == shard]


@pytest.mark.parametrize(
    ("space", "document", "shards", "expected"),
    [
        (SPACE, "document-0", 4, 0),
        (SPACE, "document-1", 4, 2),
        (SPACE, "document-2", 4, 1),
        (OTHER_TENANT, "document-0", 4, 1),
        (SPACE, "", 7, 5),
        (SPACE, "Straße/文書.md", 64, 16),
        (SPACE, "document-0", 1, 0),
    ],
)
def test_placement_never_changes(space: Space, document: str, shards: int, expected: int) -> None:
    # Literals, since data outlives the process: another value here hides every stored point from its document.
    assert shard_of(space, document, shards) == expected


def test_placement_is_even() -> None:
    counts = [0] * 8
    for n in range(8_000):
        counts[shard_of(SPACE, f"document-{n}", 8)] += 1
    assert min(counts) > 850
    assert max(counts) < 1_150


async def test_the_nearest_of_all_shards_come_first(index: ShardedIndex) -> None:
    await fill(index)
    result = await index.search(SPACE, direction(0), 5, {}, timeout_s=10)
    assert [hit.passage_id for hit in result.hits] == ids(*NAMES[:5])
    assert (result.answered, result.shards) == (SHARDS, SHARDS)


async def test_points_lie_on_the_shard_of_their_document(index: ShardedIndex, shards: list[PassageIndex]) -> None:
    await fill(index)
    for number, shard in enumerate(shards):
        assert on(number)
        assert await found(shard) == ids(*on(number))


@pytest.mark.parametrize("limit", [3, 20, 40])
async def test_the_best_are_found_even_where_they_lie_all_on_one_shard(index: ShardedIndex, limit: int) -> None:
    names = [f"document-{n}" for n in range(200)]
    near = [name for name in names if shard_of(SPACE, name, SHARDS) == 1][:40]
    far = [name for name in names if name not in near]
    await index.upsert([point(name, n) for n, name in enumerate(near)], timeout_s=10)
    await index.upsert([point(name, 90) for name in far], timeout_s=10)
    result = await index.search(SPACE, direction(0), limit, {}, timeout_s=10)
    assert [hit.passage_id for hit in result.hits] == ids(*near[:limit])
    assert (result.answered, result.shards) == (SHARDS, SHARDS)


async def test_no_shard_is_asked_for_more_than_it_is_likely_to_hold(index: ShardedIndex, shards: list[Failing]) -> None:
    await index.upsert([point(f"document-{n}", n % 90) for n in range(200)], timeout_s=10)
    asked = [await found(shard) for shard in shards]
    assert min(map(len, asked)) > 50
    limits: list[int] = []
    for shard in shards:
        inner = shard.search

        async def search(*args: object, inner: object = inner, **options: object) -> object:
            limits.append(args[2])
            return await inner(*args, **options)

        shard.search = search
    await index.search(SPACE, direction(0), 100, {}, timeout_s=10)
    assert limits == [51] * SHARDS


async def test_filters_and_spaces_hold_on_every_shard(index: ShardedIndex) -> None:
    await fill(index)
    await index.upsert([point(name, space=OTHER_TENANT) for name in NAMES], timeout_s=10)
    result = await index.search(SPACE, direction(0), 100, {"parity": 1}, timeout_s=10)
    assert [hit.passage_id for hit in result.hits] == ids(*NAMES[1::2])


async def test_only_passages_within_the_given_ids_are_found(index: ShardedIndex) -> None:
    await fill(index)
    among = ids(*NAMES[::3], "never stored")
    result = await index.search(SPACE, direction(0), 100, {}, within=among, timeout_s=10)
    assert [hit.passage_id for hit in result.hits] == ids(*NAMES[::3])


async def test_points_are_deleted_wherever_they_lie(index: ShardedIndex) -> None:
    await fill(index)
    await index.delete(ids(*NAMES[2:], "unknown"), timeout_s=10)
    result = await index.search(SPACE, direction(0), 100, {}, timeout_s=10)
    assert [hit.passage_id for hit in result.hits] == ids(*NAMES[:2])


@pytest.mark.parametrize("error", [DependencyFailed("down"), DependencyTimeout("late")])
async def test_a_shard_that_fails_costs_its_part(
    index: ShardedIndex, shards: list[Failing], error: DependencyFailed
) -> None:
    await fill(index)
    shards[1].fail("search", error)
    result = await index.search(SPACE, direction(0), 100, {}, timeout_s=10)
    assert (result.answered, result.shards) == (SHARDS - 1, SHARDS)
    assert [hit.passage_id for hit in result.hits] == ids(*(name for name in NAMES if name not in on(1)))


async def test_a_shard_that_finds_nothing_has_answered(index: ShardedIndex) -> None:
    result = await index.search(SPACE, direction(0), 100, {}, timeout_s=10)
    assert (result.hits, result.answered) == ([], SHARDS)


async def test_no_shard_at_all_is_a_failure(index: ShardedIndex, shards: list[Failing]) -> None:
    for shard in shards:
        shard.fail("search", DependencyFailed("down"))
    with pytest.raises(DependencyFailed, match="no shard"):
        await index.search(SPACE, direction(0), 100, {}, timeout_s=10)


async def test_a_defect_in_a_shard_is_not_taken_for_a_failure(index: ShardedIndex, shards: list[Failing]) -> None:
    shards[1].fail("search", ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await index.search(SPACE, direction(0), 100, {}, timeout_s=10)


async def test_an_upsert_that_fails_on_one_shard_raises_that_error_once_all_are_done(
    index: ShardedIndex, shards: list[Failing]
) -> None:
    await fill(index)
    shards[0].fail("upsert", DependencyTimeout("late"))
    with pytest.raises(DependencyTimeout, match="late"):
        await index.upsert([point(name, 90) for name in NAMES], timeout_s=10)
    for number in (1, 2):
        hits = await shards[number].search(SPACE, direction(90), 100, {}, timeout_s=10)
        assert [hit.score for hit in hits] == pytest.approx([1.0] * len(on(number)))


async def test_a_deletion_that_fails_on_one_shard_raises_that_error_once_all_are_done(
    index: ShardedIndex, shards: list[Failing]
) -> None:
    await fill(index)
    shards[0].fail("delete", DependencyTimeout("late"))
    with pytest.raises(DependencyTimeout, match="late"):
        await index.delete(ids(*NAMES), timeout_s=10)
    assert [await found(shard) for shard in shards] == [ids(*on(0)), [], []]


async def test_writing_nothing_asks_no_shard_to_store(index: ShardedIndex, shards: list[Failing]) -> None:
    for shard in shards:
        shard.fail("upsert", DependencyFailed("down"))
    await index.upsert([], timeout_s=10)


class TestWithTheWholeInOneRequest:
    """The whole is asked first; only when it fails are the shards."""

    @pytest.fixture
    def whole(self, scratch: Path, pool: ThreadPoolExecutor) -> Iterator[Failing]:
        index = EdgeIndex(scratch / "whole", DIMENSION, pool)
        yield Failing(index)
        index.close()

    @pytest.fixture
    def index(self, shards: list[PassageIndex], whole: PassageIndex) -> ShardedIndex:
        return ShardedIndex(shards, whole)

    async def test_one_request_answers_for_all(
        self, index: ShardedIndex, shards: list[Failing], whole: Failing
    ) -> None:
        await whole.upsert([point("a", 10), point("b", 5), point("c")], timeout_s=10)
        for shard in shards:
            shard.fail("search", AssertionError("asked"))
        result = await index.search(SPACE, direction(0), 2, {}, within=ids("a", "b"), timeout_s=10)
        assert [hit.passage_id for hit in result.hits] == ids("b", "a")
        assert (result.answered, result.shards) == (SHARDS, SHARDS)

    @pytest.mark.parametrize("error", [DependencyFailed("down"), BreakerOpen("open")])
    async def test_when_it_fails_only_the_bad_shard_is_missing(
        self, index: ShardedIndex, shards: list[Failing], whole: Failing, error: DependencyFailed
    ) -> None:
        await fill(index)
        whole.fail("search", error)
        shards[1].fail("search", error)
        result = await index.search(SPACE, direction(0), 100, {}, within=ids(*NAMES[:-1]), timeout_s=10)
        assert (result.answered, result.shards) == (SHARDS - 1, SHARDS)
        assert [hit.passage_id for hit in result.hits] == ids(*(name for name in NAMES[:-1] if name not in on(1)))

    async def test_when_it_hangs_nobody_waits_a_second_time(
        self, index: ShardedIndex, shards: list[Failing], whole: Failing
    ) -> None:
        whole.fail("search", DependencyTimeout("late"))
        for shard in shards:
            shard.fail("search", AssertionError("asked"))
        with pytest.raises(DependencyTimeout, match="late"):
            await index.search(SPACE, direction(0), 5, {}, timeout_s=10)

    async def test_one_that_is_overloaded_is_not_asked_n_times_more(self, index: ShardedIndex, whole: Failing) -> None:
        whole.fail("search", Overloaded("too much"))
        with pytest.raises(Overloaded):
            await index.search(SPACE, direction(0), 5, {}, timeout_s=10)
