"""A watched model tells how it fares: refused or not, how many requests, how long an answer takes."""

import asyncio
from contextlib import aclosing

import pytest

from rag.errors import DependencyTimeout
from rag.resilience.guarded import GuardedBackend
from rag.resilience.guards import Guards, Protections
from rag.resilience.watched import HALF_LIFE_S, WatchedBackend
from router.types import Chunk, Load, Prompt

PROMPT = Prompt((), "q", ())


class Slow:
    """A model whose answer takes `takes_s`; as servers tell, `told` is what they have."""

    name = "slow"

    def __init__(self):
        self.takes_s, self.told = 2.0, Load()

    async def stream(self, prompt, *, timeout_s):
        yield Chunk("First")
        await asyncio.sleep(self.takes_s)
        yield Chunk("last.", "stop")

    async def aclose(self):
        pass

    def load(self):
        return self.told


@pytest.fixture
def model():
    return Slow()


@pytest.fixture
def guards(loop_clock, events):
    return Guards(Protections(), loop_clock, events.append)


@pytest.fixture
def watch(model, guards, loop_clock):
    def make(reporting=None):
        guard = guards.guard("model:small", slow_s=5.0, concurrency=8)
        return WatchedBackend(GuardedBackend(model, guard, 10.0), guard, loop_clock, reporting)

    return make


async def ask(watched, timeout_s=30.0):
    return [chunk.text async for chunk in watched.stream(PROMPT, timeout_s=timeout_s)]


async def test_it_answers_as_the_model_does(watch):
    watched = watch()
    assert (watched.name, await ask(watched)) == ("slow", ["First", "last."])


async def test_an_answer_takes_as_long_as_answers_took_and_the_last_ones_count_most(watch, model):
    watched = watch()
    assert watched.load().typical_s == 0.0
    await ask(watched)
    assert watched.load().typical_s == pytest.approx(2.0)
    model.takes_s = 4.0
    await ask(watched)
    assert 2.0 < watched.load().typical_s < 4.0


async def test_one_that_did_not_come_in_time_counts_as_long_as_was_waited(watch, model):
    watched, model.takes_s = watch(), 60.0
    with pytest.raises(DependencyTimeout):
        await ask(watched, timeout_s=20.0)
    assert watched.load().typical_s == pytest.approx(20.0)


async def test_one_that_the_caller_broke_off_does_not_count(watch):
    watched = watch()
    async with aclosing(watched.stream(PROMPT, timeout_s=30.0)) as chunks:
        await anext(chunks)
    assert watched.load().typical_s == 0.0


async def test_who_was_slow_is_forgiven_in_time(watch):
    watched = watch()
    await ask(watched)
    await asyncio.sleep(HALF_LIFE_S)
    assert watched.load().typical_s == pytest.approx(1.0, rel=0.01)


async def test_requests_under_way_are_our_own_or_all_that_the_servers_tell(watch, model):
    watched, reporting = watch(), watch(model)
    model.told = Load(under_way=5)
    asked = [asyncio.create_task(ask(watched)) for _ in range(3)]
    await asyncio.sleep(1)
    assert watched.load().under_way == 3
    assert reporting.load().under_way == 5
    await asyncio.gather(*asked)
    assert watched.load().under_way == 0


async def test_it_is_unwell_while_its_breaker_is_open_until_a_trial_is_due(watch, guards):
    watched = watch()
    assert watched.load().healthy
    guards.force("model:small", "open", 10.0)
    assert not watched.load().healthy
    await asyncio.sleep(10.0)
    assert watched.load().healthy


async def test_it_is_unwell_when_its_servers_are(watch, model):
    watched, model.told = watch(model), Load(healthy=False)
    assert not watched.load().healthy
