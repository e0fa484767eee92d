from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from rag.errors import DataFolderCorrupt
from rag.storage.cache.sqlite import SqliteCacheStore
from tests.contracts.cache_store import CacheStoreContract, everything, kept, write
from tests.support.clock import FakeClock


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteCacheStore]:
    made = SqliteCacheStore(tmp_path / "answers.db", "cache", clock, max_entries=1_000)
    yield made
    await made.aclose()


class TestSqliteCacheStore(CacheStoreContract):
    @pytest.fixture
    def store(self, store: SqliteCacheStore) -> SqliteCacheStore:
        return store


async def again(store: SqliteCacheStore, path: Path, clock: FakeClock, **told: object) -> SqliteCacheStore:
    await store.aclose()
    return SqliteCacheStore(path / "answers.db", **({"cache": "cache", "max_entries": 1_000} | told), clock=clock)  # type: ignore[arg-type]


async def test_a_restart_finds_what_was_written(store: SqliteCacheStore, tmp_path: Path, clock: FakeClock) -> None:
    await write(store, kept(clock, "k"))
    restarted = await again(store, tmp_path, clock)
    assert set((await everything(restarted))[0]) == {"k"}
    await restarted.aclose()


async def test_with_other_models_nothing_is_found(store: SqliteCacheStore, tmp_path: Path, clock: FakeClock) -> None:
    await write(store, kept(clock, "k"))
    restarted = await again(store, tmp_path, clock, cache="another")
    assert not (await everything(restarted))[0]
    await restarted.aclose()


async def test_past_the_bound_the_oldest_go(store: SqliteCacheStore, tmp_path: Path, clock: FakeClock) -> None:
    bounded = await again(store, tmp_path, clock, max_entries=2)
    for key in "abcd":
        await write(bounded, kept(clock, key))
    assert set((await everything(bounded))[0]) == {"c", "d"}
    await bounded.aclose()


def test_a_damaged_file_is_said(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "answers.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(DataFolderCorrupt):
        SqliteCacheStore(tmp_path / "answers.db", "cache", clock, max_entries=1)


async def test_a_file_of_another_format_is_begun_anew(
    store: SqliteCacheStore, tmp_path: Path, clock: FakeClock
) -> None:
    await write(store, kept(clock, "k"))
    await store.aclose()
    with closing(sqlite3.connect(tmp_path / "answers.db")) as connection:
        connection.executescript("DROP TABLE answers; CREATE TABLE answers(other); PRAGMA user_version = 99;")
    anew = SqliteCacheStore(tmp_path / "answers.db", "cache", clock, max_entries=1_000)
    assert set((await everything(anew))[0]) == set()
    await write(anew, kept(clock, "k"))
    assert set((await everything(anew))[0]) == {"k"}
    await anew.aclose()
