import asyncio

import pytest

from rag.errors import DependencyFailed
from rag.ingestion.following import LogFollower
from rag.ingestion.together import Together
from tests.support.changes import change
from tests.support.failing import Failing


class State:
    position = 0

    async def apply(self, changes, *, timeout_s):
        self.position = changes[-1].seq


class Log:
    def __init__(self):
        self.position = 3

    async def read(self, after, limit, *, timeout_s):
        return [change("a", "text", seq=seq) for seq in range(after + 1, self.position + 1)]


@pytest.fixture
def states():
    return [Failing(State()), Failing(State())]


@pytest.fixture
async def together(states, clock):
    made = Together([LogFollower(f"state {n}", state, Log(), clock) for n, state in enumerate(states)])
    yield made
    await made.aclose()


async def test_it_stands_where_the_last_one_stands(together, states):
    await states[0].apply([change("a", "text", seq=2)], timeout_s=1)
    assert together.position == 0
    await together.catch_up()
    assert together.position == 3


async def test_a_write_is_applied_when_each_has_applied_it(together, states):
    async with asyncio.timeout(10):
        await together.applied(3)
    assert [state.position for state in states] == [3, 3]


async def test_one_that_fails_holds_nobody_up_for_longer_than_its_lease(together, states, clock):
    states[0].fail("apply", DependencyFailed("it is down"))
    waiting = asyncio.create_task(together.applied(3))
    while states[1].position < 3 or not together._followers[0]._lease_ends < float("inf"):  # noqa: ASYNC110 - looked at, not waited for
        await asyncio.sleep(0)
    clock.advance(10)
    async with asyncio.timeout(10):
        await waiting
    assert (together.current, together.position) == (True, 3)


async def test_it_catches_up_behind(together, states):
    together.wake()
    while together.position < 3:  # noqa: ASYNC110 - looked at, not waited for
        await asyncio.sleep(0)
