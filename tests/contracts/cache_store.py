"""What every adapter of `rag.ports.CacheStore` keeps; subclass it and give the fixture `store`."""

from __future__ import annotations

import pytest

from rag.ports import CacheStore, Dropped, Kept
from tests.support.clock import FakeClock

#: More than one page.
MANY = 450


def kept(clock: FakeClock, key: str, name: str | None = None, ttl_s: float = 60.0) -> Kept:
    """An answer that expires in a minute."""
    return Kept(key, name or f"{key}-1", clock.now_s + ttl_s, f"body of {name or key}\0é".encode())


async def write(store: CacheStore, *records: Kept | Dropped) -> None:
    """A write with time enough."""
    await store.write(records, timeout_s=10)


async def everything(store: CacheStore) -> tuple[dict[str, Kept], str]:
    """All that is there, by key, and the position past it."""
    found, position = {}, ""
    async for page in store.everything(timeout_s=10):
        found |= {record.key: record for record in page.records if isinstance(record, Kept)}
        position = page.position
    return found, position


class CacheStoreContract:
    """The port's promises."""

    @pytest.fixture
    def store(self) -> CacheStore:
        """The adapter under test, empty."""
        raise NotImplementedError

    async def test_an_empty_store_has_a_position_and_no_news(self, store: CacheStore) -> None:
        found, position = await everything(store)
        news = await store.news(position, timeout_s=10)
        assert not found
        assert news is not None
        assert not news.records

    async def test_what_was_written_is_there(self, store: CacheStore, clock: FakeClock) -> None:
        records = {f"k{n}": kept(clock, f"k{n}") for n in range(MANY)}
        await write(store, *records.values())
        assert (await everything(store))[0] == records

    async def test_a_later_answer_takes_the_place_of_an_earlier_one(self, store: CacheStore, clock: FakeClock) -> None:
        await write(store, kept(clock, "k", "first"), kept(clock, "k", "second"))
        assert [each.name for each in (await everything(store))[0].values()] == ["second"]

    async def test_what_was_dropped_is_gone_and_what_took_its_place_is_not(
        self, store: CacheStore, clock: FakeClock
    ) -> None:
        await write(store, kept(clock, "a", "a1"), kept(clock, "b", "b1"), kept(clock, "b", "b2"))
        await write(store, Dropped("a", "a1"), Dropped("b", "b1"), Dropped("c", "c1"))
        assert [each.name for each in (await everything(store))[0].values()] == ["b2"]

    async def test_what_has_expired_is_gone(self, store: CacheStore, clock: FakeClock) -> None:
        await write(store, kept(clock, "short", ttl_s=1), kept(clock, "long"), kept(clock, "over", ttl_s=0))
        clock.advance(1)
        await write(store, kept(clock, "later"))
        assert set((await everything(store))[0]) == {"long", "later"}
