"""Answers and searches share the service's places: past the limit callers are told at once, batch ones first."""

import asyncio

import pytest

from tests.support.seams import hangs, takes

ONE = {"admitted": 1, "admitted_at_most": 1}


async def full(make, **resilience):
    """A service all of whose places are taken, by answers whose model says nothing."""
    virtual = await make(resilience=ONE | {"first_token_s": 600} | resilience)
    virtual.seams.fault("model:small", hangs)
    places = virtual.service.admission.snapshot().limit
    holding = [asyncio.create_task(virtual.ask(timeout_s=600)) for _ in range(places)]
    await asyncio.sleep(0.1)
    return virtual, holding


async def end(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(params=["ask", "search"])
def post(request):
    return lambda virtual, **sent: getattr(virtual, request.param)(**sent)


async def test_past_the_limit_a_caller_is_refused_with_the_time_to_come_again(make, post):
    virtual, holding = await full(make)
    reply = await post(virtual)
    assert reply.status == 503
    assert int(reply.headers["retry-after"]) >= 1
    assert reply.took_s <= virtual.service.admission.config.max_wait_s + 1e-3
    assert "overloaded" in str(reply.body)
    await end(holding)


async def test_who_finds_the_line_full_is_refused_at_once(make, post):
    virtual, holding = await full(make)
    holding.append(asyncio.create_task(virtual.search()))
    await asyncio.sleep(0.01)
    reply = await post(virtual)
    assert (reply.status, reply.took_s) == (503, 0)
    await end(holding)


async def test_places_are_kept_for_those_who_wait_for_their_answer(make, post):
    virtual, holding = await full(make, admitted=20, admitted_at_most=20)
    await end(holding[:1])
    assert (await post(virtual, priority="batch")).status == 503
    virtual.seams.mend()
    assert (await post(virtual, priority="interactive")).status == 200
    await end(holding)


async def test_a_place_is_given_back(make, post):
    virtual, holding = await full(make)
    await end(holding)
    virtual.seams.mend()
    assert (await post(virtual)).status == 200
    assert virtual.service.admission.snapshot().in_flight == 0


async def test_a_stored_answer_needs_no_place(make):
    virtual = await make(resilience=ONE | {"first_token_s": 600})
    assert (await virtual.ask(cache="default")).status == 200
    virtual.seams.fault("model:small", hangs)
    holding = [asyncio.create_task(virtual.ask(timeout_s=600))]
    await asyncio.sleep(0.1)
    reply = await virtual.ask(cache="default")
    assert (reply.status, reply.headers["x-steadyrag-cache"]) == (200, "exact")
    await end(holding)


async def test_searches_do_not_teach_the_limit_what_an_answer_takes(make):
    virtual = await make()
    virtual.seams.fault("lexical", takes(0.1))
    for _ in range(200):
        await virtual.search()
    snapshot = virtual.service.admission.snapshot()
    assert (snapshot.latency_s, snapshot.baseline_s) == (0, None)
    for _ in range(200):
        await virtual.ask()
    assert virtual.service.admission.snapshot().baseline_s == pytest.approx(0.1)
