"""Turns in virtual time: nothing here waits."""

import asyncio
from contextlib import suppress
from functools import cache, wraps

import pytest

from rag.errors import DeadlineExceeded, DependencyFailed
from rag.pipeline.turns import Turns
from rag.resilience.guards import Guards, Protections
from rag.types import Deadline
from tests.support.virtual_time import LoopClock, run


def virtual(test):
    @wraps(test)
    def ran(**fixtures):
        run(test(**fixtures))

    return ran


class Leases:
    """Leases in memory, by the loop's clock; `down` makes them fail after so many seconds."""

    def __init__(self):
        self.held = {}
        self.asked = 0
        self.down = None

    async def take(self, name, holder, *, lease_s, timeout_s):
        self.asked += 1
        if self.down is not None:
            await asyncio.sleep(min(self.down, timeout_s))
            raise DependencyFailed("it is down")
        now = LoopClock().monotonic()
        owner, until = self.held.get(name, (holder, 0.0))
        if owner != holder and until > now:
            return False
        self.held[name] = (holder, now + lease_s)
        return True

    async def release(self, name, holder, *, timeout_s):
        if self.held.get(name, ("", 0))[0] == holder:
            del self.held[name]


@pytest.fixture
def leases():
    return Leases()


@pytest.fixture
def make(leases):
    """Replicas' turns, behind one guard, which takes its time from the loop that the test runs on."""

    @cache
    def guard():
        return Guards(Protections(), LoopClock(), lambda _event: None).guard("cache", slow_s=0.025, concurrency=256)

    return lambda: Turns(leases, guard())


def deadline(seconds=30.0):
    return Deadline.after(seconds, LoopClock())


def never():
    return False


@virtual
async def test_one_replica_at_a_time(make):
    inside, most = 0, 0

    async def work(turns):
        nonlocal inside, most
        async with turns.take("q", never, deadline()) as turn:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(7)  # longer than a lease lasts that is not renewed
            inside -= 1
            return turn.waited

    waited = await asyncio.gather(*(work(make()) for _ in range(3)))
    assert (most, sorted(waited)) == (1, [False, True, True])


@virtual
async def test_who_waits_stops_when_the_answer_has_arrived(make):
    async with make().take("q", never, deadline()):
        arrived = LoopClock().monotonic() + 1.0
        async with make().take("q", lambda: LoopClock().monotonic() > arrived, deadline()) as turn:
            assert turn.waited
            assert LoopClock().monotonic() == pytest.approx(arrived, abs=0.1)


@virtual
async def test_a_replica_that_died_is_waited_for_as_long_as_its_lease(make, leases):
    await leases.take("q", "dead", lease_s=2.0, timeout_s=1)
    async with make().take("q", never, deadline()):
        assert LoopClock().monotonic() == pytest.approx(2.0, abs=0.1)


@virtual
async def test_who_waits_keeps_its_deadline(make):
    async with make().take("q", never, deadline()):
        with pytest.raises(DeadlineExceeded):
            async with make().take("q", never, deadline(0.5)):
                pass
        assert LoopClock().monotonic() == pytest.approx(0.5, abs=0.05)


@virtual
async def test_without_the_store_few_requests_wait_a_moment_and_say_so_and_the_rest_wait_for_nothing(make, leases):
    leases.down = 60.0
    turns, added = make(), []
    for n in range(100):
        start = LoopClock().monotonic()
        async with turns.take(f"q{n}", never, deadline()) as turn:
            added.append(LoopClock().monotonic() - start)
            assert bool(turn.degraded) is (added[-1] > 0)
    assert max(added) <= 0.0501
    assert sum(each > 0 for each in added) <= 20
    assert not any(added[20:])


@virtual
async def test_an_error_inside_gives_the_turn_back(make, leases):
    with suppress(DependencyFailed):
        async with make().take("q", never, deadline()):
            raise DependencyFailed("the model is down")
    assert not leases.held
