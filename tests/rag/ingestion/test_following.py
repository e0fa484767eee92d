from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from rag.errors import DependencyFailed
from rag.ingestion import following
from rag.ingestion.following import LEASE_S, LeasedLexicalIndex, LeasedPassageStore, LogFollower
from rag.storage.database import Database
from rag.storage.documents import SqliteDocumentLog
from rag.types import Change
from tests.support.changes import SPACE, change
from tests.support.clock import FakeClock
from tests.support.failing import Failing
from tests.support.gate import Gate


class Names:
    """A follower that remembers the names of what it applied."""

    def __init__(self) -> None:
        self.position = 0
        self.applied: list[str] = []

    async def apply(self, changes: Sequence[Change], *, timeout_s: float) -> None:
        self.applied += [each.document_id for each in changes if each.seq > self.position]
        self.position = changes[-1].seq

    async def search(self, *_: object, timeout_s: float) -> list[str]:
        return self.applied


@pytest.fixture
async def source(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteDocumentLog]:
    database = Database(tmp_path / "catalog.db")
    yield SqliteDocumentLog(database, clock)
    await database.aclose()


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def state(names: Names) -> Failing:
    return Failing(names)


@pytest.fixture
async def follower(
    state: Failing, source: SqliteDocumentLog, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[LogFollower]:
    monkeypatch.setattr(following, "RETRY_PAUSE_S", 0)
    follower = LogFollower("names", state, source, clock)
    yield follower
    await follower.aclose()


async def append(source: SqliteDocumentLog, *names: str) -> int:
    """Write the documents; gives back the position."""
    return (await source.append([change(name, "text") for name in names], timeout_s=10))[-1].seq


async def test_what_was_written_is_applied_in_order(
    follower: LogFollower, source: SqliteDocumentLog, names: Names
) -> None:
    await follower.applied(await append(source, "a", "b"))
    await follower.applied(await append(source, "c"))
    assert names.applied == ["a", "b", "c"]
    await follower.applied(source.position)
    assert follower.current


async def test_many_may_wait_and_each_change_is_applied_once(
    follower: LogFollower, source: SqliteDocumentLog, names: Names
) -> None:
    positions = [await append(source, name) for name in "abcdef"]
    await asyncio.gather(*map(follower.applied, positions), follower.catch_up(), follower.catch_up())
    assert names.applied == list("abcdef")


async def test_a_slow_follower_is_waited_for_and_keeps_its_lease(
    follower: LogFollower, source: SqliteDocumentLog, names: Names, clock: FakeClock
) -> None:
    gate = Gate(names, "apply")
    waiting = asyncio.create_task(follower.applied(await append(source, "a")))
    await gate.reached()
    clock.advance(100 * LEASE_S)
    assert follower.current
    assert not waiting.done()
    gate.open.set()
    await waiting
    assert names.applied == ["a"]


async def test_a_follower_that_fails_has_its_lease_and_no_more(
    follower: LogFollower, source: SqliteDocumentLog, state: Failing, names: Names, clock: FakeClock
) -> None:
    state.fail("apply", DependencyFailed("stuck"))
    failed = follower._moved
    waiting = asyncio.create_task(follower.applied(await append(source, "a")))
    await failed.wait()
    assert follower.current
    assert not waiting.done()
    clock.advance(LEASE_S)
    assert not follower.current
    await waiting
    assert names.applied == []


async def test_without_a_lease_nobody_waits(
    follower: LogFollower, source: SqliteDocumentLog, state: Failing, clock: FakeClock
) -> None:
    state.fail("apply", OSError("a foreign error"))
    failed = follower._moved
    waiting = asyncio.create_task(follower.applied(await append(source, "a")))
    await failed.wait()
    clock.advance(LEASE_S)
    await asyncio.gather(waiting, follower.applied(await append(source, "b")))


async def test_the_lease_comes_back_by_itself(
    follower: LogFollower, source: SqliteDocumentLog, state: Failing, names: Names, clock: FakeClock
) -> None:
    state.fail("apply", DependencyFailed("stuck"), times=3)
    await follower.applied(await append(source, "a", "b"))
    assert names.applied == ["a", "b"]
    assert follower.current
    clock.advance(100 * LEASE_S)
    assert follower.current


async def test_at_start_a_follower_that_cannot_catch_up_says_so(
    follower: LogFollower, source: SqliteDocumentLog, state: Failing
) -> None:
    await append(source, "a")
    state.fail("apply", DependencyFailed("stuck"))
    with pytest.raises(DependencyFailed, match="stuck"):
        await follower.catch_up()


async def test_a_lexical_index_without_a_lease_does_not_answer(
    follower: LogFollower, source: SqliteDocumentLog, state: Failing, clock: FakeClock
) -> None:
    lexical = LeasedLexicalIndex(state, follower)  # type: ignore[arg-type]
    await follower.applied(await append(source, "a"))
    assert await lexical.search(SPACE, "text", 1, {}, timeout_s=10) == ["a"]
    assert lexical.position == source.position
    follower._lease_ends = clock.monotonic()
    with pytest.raises(DependencyFailed, match="behind the document log"):
        await lexical.search(SPACE, "text", 1, {}, timeout_s=10)


class Stored:
    """A store that holds everything."""

    documents = document = None

    async def passages(self, *_: object, timeout_s: float) -> dict[str, str]:
        return {"a": "passage"}


async def test_a_store_without_a_lease_does_not_answer(follower: LogFollower, clock: FakeClock) -> None:
    store = LeasedPassageStore(Stored(), follower)  # type: ignore[arg-type]
    assert await store.passages(SPACE, ["a"], timeout_s=10) == {"a": "passage"}
    follower._lease_ends = clock.monotonic()
    with pytest.raises(DependencyFailed, match="behind the document log"):
        await store.passages(SPACE, ["a"], timeout_s=10)


async def test_a_leased_index_passes_changes_on(follower: LogFollower, names: Names) -> None:
    await LeasedLexicalIndex(names, follower).apply([change("a", seq=1)], timeout_s=10)  # type: ignore[arg-type]
    assert names.applied == ["a"]
