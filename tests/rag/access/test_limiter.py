import asyncio

import pytest

from rag.access.limiter import AGAIN_S, UNAVAILABLE, Limiter
from rag.access.limits import DAY_S, MemoryLimits
from rag.errors import BudgetExceeded, DependencyFailed, LimitExceeded, StorageFull
from rag.settings import QuotaSettings
from rag.types import Principal, Role
from tests.support.failing import Failing
from tests.support.virtual_time import LoopClock, run

RED, OTHER = (Principal(key, "red", frozenset({Role.QUERY})) for key in ("k1", "k2"))
GONE = DependencyFailed("it is down").after(3)


def limiter(clock, store=None, **quotas):
    return Limiter(QuotaSettings(**quotas), clock, store=store, timeout_s=1.0)


async def told(limits, who=RED, *, spends=True):
    """Reason and labels of what a request is told; "" = it is let in."""
    admission = await limits.admit(who, spends=spends)
    return admission.reason, admission.degraded


async def test_a_key_and_its_tenant_are_limited_each_by_itself(clock):
    limits = limiter(clock, key={"requests": 2}, tenant={"requests": 3})
    found = [await told(limits, who) for who in (RED, RED, RED, OTHER, OTHER)]
    assert [reason for reason, _ in found] == ["", "", "key-requests", "", "tenant-requests"]


async def test_some_have_an_allowance_of_their_own(clock):
    limits = limiter(clock, key={"requests": 1}, keys={"k2": {"requests": 3}}, tenants={"red": {"requests": 9}})
    admission = await limits.admit(OTHER, spends=True)
    assert [standing.limit.quota for standing in admission.standings] == [3, 9]


async def test_what_is_not_limited_is_not_counted(clock):
    limits = limiter(clock, tenants={"blue": {"requests": 1}})
    assert [(await limits.admit(RED, spends=True)).standings for _ in range(3)] == [()] * 3


async def test_whoever_is_turned_away_hears_when_to_come_back(clock):
    limits = limiter(clock, key={"requests": 2, "window_s": 60}, tenant={"requests": 1, "window_s": 3_600})
    await limits.admit(RED, spends=True)
    admission = await limits.admit(RED, spends=True)
    assert isinstance(admission.error, LimitExceeded)
    assert admission.error.retry_after_s == 3_600
    assert "this tenant may make 1 requests in 3,600 s" in admission.error.message


async def test_a_budget_is_charged_afterwards_and_refuses_the_next(clock):
    clock.now_s = 100 * DAY_S + 82_800
    limits = limiter(clock, key={"tokens_a_day": 100}, tenant={"cost_a_day": 0.5})
    limits.charge(RED, 99, 0.1)
    assert (await told(limits))[0] == ""
    limits.charge(RED, 50, 0.1)
    admission = await limits.admit(RED, spends=True)
    assert (type(admission.error), admission.reason) == (BudgetExceeded, "key-tokens")
    assert admission.error.retry_after_s == 3_600
    assert (await told(limits, spends=False))[0] == "", "what spends nothing is not refused"
    assert (await told(limits, OTHER))[0] == ""
    limits.charge(OTHER, 1, 0.3)
    assert (await told(limits, OTHER))[0] == "tenant-cost"
    clock.advance(3_600)
    assert (await told(limits))[0] == ""


def test_replicas_that_share_a_store_share_the_limits():
    async def story():
        clock = LoopClock()
        store = MemoryLimits(clock)
        one, other = (limiter(clock, store, key={"requests": 3, "tokens_a_day": 10}) for _ in range(2))
        assert [(await told(each))[0] for each in (one, other, one, other)] == ["", "", "", "key-requests"]
        one.charge(RED, 10, 0.0)
        await asyncio.sleep(60)
        assert (await told(other))[0] == "key-tokens"
        await one.aclose()

    run(story())


def test_without_the_store_each_replica_counts_for_itself_and_says_so():
    async def story():
        clock = LoopClock()
        store = Failing(MemoryLimits(clock))
        limits = limiter(clock, store, key={"requests": 2, "tokens_a_day": 10})
        store.fail("take", GONE)
        label = ("limits-unavailable",)
        assert [await told(limits) for _ in range(3)] == [("", label), ("", label), ("key-requests", label)]
        limits.charge(RED, 10, 0.0)
        await asyncio.sleep(60)
        assert await told(limits) == ("key-tokens", label)
        store.mend()
        assert await told(limits) == ("key-tokens", ())
        await limits.aclose()

    run(story())


@pytest.mark.parametrize("error", [GONE, StorageFull("no memory left").after(3)])
async def test_where_limits_are_strict_nobody_passes_without_the_store(clock, error):
    store = Failing(MemoryLimits(clock))
    limits = limiter(clock, store, fail="closed", key={"requests": 2})
    store.fail("take", error)
    admission = await limits.admit(RED, spends=True)
    assert (type(admission.error), admission.reason) == (DependencyFailed, UNAVAILABLE)
    assert admission.error.retry_after_s == 3
    store.mend()
    assert await told(limits) == ("", ())


def test_what_was_used_is_told_until_it_was_heard():
    async def story():
        clock = LoopClock()
        inner = MemoryLimits(clock)
        store = Failing(inner)
        limits, other = limiter(clock, store, key={"tokens_a_day": 10}), limiter(clock, inner, key={"tokens_a_day": 10})
        store.fail("tell", GONE)
        limits.charge(RED, 4, 0.0)
        await asyncio.sleep(3 * AGAIN_S)
        limits.charge(RED, 6, 0.0)
        assert (await told(other))[0] == ""
        store.mend()
        await asyncio.sleep(2 * AGAIN_S)
        assert (await told(other))[0] == "key-tokens"
        await limits.aclose()

    run(story())


@pytest.mark.parametrize(("heard", "reason"), [(True, "key-tokens"), (False, "")])
def test_at_its_end_it_tells_once_more(heard, reason):
    async def story():
        clock = LoopClock()
        inner = MemoryLimits(clock)
        store = Failing(inner)
        limits, other = limiter(clock, store, key={"tokens_a_day": 10}), limiter(clock, inner, key={"tokens_a_day": 10})
        store.fail("tell", GONE)
        limits.charge(RED, 10, 0.0)
        await asyncio.sleep(AGAIN_S / 2)
        if heard:
            store.mend()
        await limits.aclose()
        assert (await told(other))[0] == reason

    run(story())
