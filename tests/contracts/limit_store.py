"""What every store of limits keeps; subclass it and give the fixture `store`, whose buckets `clock` drains."""

from __future__ import annotations

import random

import pytest

from rag.access.limits import Limit, LimitStore, Taken
from tests.support.clock import FakeClock

DAY = 19_675


def bucket(quota: float = 3, window_s: int = 60, *, tenant: str = "red", holder: str = "k1") -> Limit:
    return Limit(tenant, holder, "requests", quota, window_s)


def budget(quota: float = 100, *, tenant: str = "red", holder: str = "", day: int = DAY) -> Limit:
    return Limit(tenant, holder, "tokens", quota, day=day)


async def admitted(store: LimitStore, *limits: Limit) -> bool:
    return (await store.take(limits, timeout_s=10)).open


async def used(store: LimitStore, *limits: Limit) -> list[float]:
    """What is used, as a request sees it that is let in nowhere."""
    shut = bucket(1e-7, tenant=limits[0].tenant, holder="shut")
    return list((await store.take([*limits, shut], timeout_s=10)).used)[:-1]


class LimitStoreContract:
    """The promises."""

    @pytest.fixture
    def store(self) -> LimitStore:
        """The adapter under test, empty."""
        raise NotImplementedError

    async def test_a_bucket_gives_its_quota_at_once_and_is_filled_evenly(
        self, store: LimitStore, clock: FakeClock
    ) -> None:
        assert [await admitted(store, bucket()) for _ in range(4)] == [True, True, True, False]
        clock.advance(20)
        assert [await admitted(store, bucket()) for _ in range(2)] == [True, False]
        clock.advance(10_000)
        assert [await admitted(store, bucket()) for _ in range(4)] == [True, True, True, False]

    async def test_whoever_asks_without_a_limit_hears_that_it_answers(self, store: LimitStore) -> None:
        assert await store.take((), timeout_s=10) == Taken(True, [])

    async def test_whoever_keeps_exactly_to_the_rate_is_let_in_always(
        self, store: LimitStore, clock: FakeClock
    ) -> None:
        steady = bucket(10, 1)
        for _ in range(10):
            await admitted(store, steady)
        for _ in range(50):
            clock.advance(0.1)
            assert await admitted(store, steady)

    async def test_over_a_long_run_it_admits_what_it_says(self, store: LimitStore, clock: FakeClock) -> None:
        rng, limit, let_in, start_s = random.Random(7), bucket(20, 10), 0, clock.now_s
        for _ in range(1_500):
            let_in += await admitted(store, limit)
            clock.advance(rng.expovariate(6))
        most = 20 + 2 * (clock.now_s - start_s)
        assert 0.98 * most <= let_in <= most

    async def test_a_request_takes_from_all_buckets_or_from_none(self, store: LimitStore) -> None:
        mine, ours = bucket(3), bucket(2, holder="")
        assert [await admitted(store, mine, ours) for _ in range(3)] == [True, True, False]
        assert await used(store, mine, ours) == pytest.approx([2, 2])

    async def test_it_says_what_is_used_the_request_itself_counted_in(self, store: LimitStore) -> None:
        taken = await store.take([bucket(3), budget()], timeout_s=10)
        assert taken.used == pytest.approx([1, 0])

    async def test_a_budget_lets_in_until_it_is_used_up(self, store: LimitStore) -> None:
        for total in (60, 99.0):
            await store.tell({budget(): total}, timeout_s=10)
            assert await admitted(store, bucket(), budget())
        await store.tell({budget(): 130}, timeout_s=10)
        assert not await admitted(store, bucket(), budget())
        assert await used(store, bucket(), budget()) == pytest.approx([2, 130])

    async def test_a_total_that_is_told_again_or_late_changes_nothing(self, store: LimitStore) -> None:
        for total in (30, 50, 50, 30):
            await store.tell({budget(): total}, timeout_s=10)
        assert await used(store, budget()) == [50]

    async def test_the_next_day_has_a_budget_of_its_own(self, store: LimitStore) -> None:
        await store.tell({budget(): 100}, timeout_s=10)
        assert not await admitted(store, budget())
        assert await admitted(store, budget(day=DAY + 1))

    async def test_tenants_and_keys_share_nothing(self, store: LimitStore) -> None:
        one = bucket(1)
        assert await admitted(store, one)
        await store.tell({budget(): 100, budget(tenant="blue"): 1}, timeout_s=10)
        assert await admitted(store, bucket(1, holder="k2"))
        assert await admitted(store, bucket(1, tenant="blue"), budget(tenant="blue"))
        assert not await admitted(store, one)

    async def test_a_smaller_quota_is_filled_within_one_window(self, store: LimitStore, clock: FakeClock) -> None:
        for _ in range(50):
            await admitted(store, bucket(50))
        clock.advance(30)
        assert not await admitted(store, bucket(1))
        clock.advance(60)
        assert await admitted(store, bucket(1))
