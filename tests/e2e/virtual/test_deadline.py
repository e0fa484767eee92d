"""One deadline, from the header, the body or the settings: nothing is begun after it, for whatever part was slow."""

import asyncio

import pytest

from tests.support.scenarios import DOWN
from tests.support.seams import hangs, takes

#: Each says 0.25 s in its own way: (settings, what the request carries).
SAID = {
    "header": ({}, {"headers": {"X-Request-Timeout": "0.25"}}),
    "body": ({}, {"timeout_s": 0.25}),
    "settings": ({"timeout_s": 0.25}, {}),
    "the body goes before the header": ({"timeout_s": 9}, {"headers": {"X-Request-Timeout": "7"}, "timeout_s": 0.25}),
    "the header goes before the settings": ({"timeout_s": 9}, {"headers": {"X-Request-Timeout": "0.25"}}),
}
TIMEOUT_S = 0.25
SLOW = ["embedder", "lexical", "index:0", "index:*", "store", "model:small", "model:large", "model:*", "*"]


@pytest.fixture(params=SAID.values(), ids=SAID)
def said(request):
    return request.param


@pytest.fixture(params=["ask", "search"])
def post(request):
    """One of the two requests that take time: `await post(virtual, timeout_s=0.25)`."""
    return lambda virtual, **sent: getattr(virtual, request.param)(**sent)


async def test_wherever_it_is_said_it_holds_to_the_millisecond(make, said, post):
    settings, sent = said
    virtual = await make(**settings)
    virtual.seams.fault("store", hangs)
    reply = await post(virtual, **sent)
    assert reply.status in (503, 504)
    assert reply.took_s == pytest.approx(TIMEOUT_S, abs=1e-3)


@pytest.mark.parametrize("takes_s", [TIMEOUT_S / 2, TIMEOUT_S, 0.3, 10.0])
@pytest.mark.parametrize("seam", SLOW)
async def test_nothing_is_begun_after_it(make, seam, takes_s):
    virtual = await make()
    loop = asyncio.get_running_loop()
    virtual.seams.fault(seam, takes(takes_s))
    for post in (virtual.ask, virtual.search):
        virtual.seams.started.clear()
        start = loop.time()
        reply = await post(timeout_s=TIMEOUT_S)
        assert reply.took_s <= TIMEOUT_S + 1e-3
        assert reply.status in (200, 503, 504)
        await asyncio.sleep(60)
        assert virtual.seams.calls()
        assert max(virtual.seams.calls()) < start + TIMEOUT_S


@pytest.mark.parametrize("seam", SLOW)
async def test_nothing_is_begun_after_it_even_where_nothing_is_cut_short(make, seam):
    """Without the bounds on single calls, which would end most requests before it comes to that."""
    virtual = await make(resilience={"timeouts": False})
    virtual.seams.fault(seam, takes(10.0))
    await virtual.ask(timeout_s=TIMEOUT_S)
    assert virtual.seams.calls()
    assert max(virtual.seams.calls()) < TIMEOUT_S


@pytest.mark.parametrize("seam", SLOW)
async def test_what_is_slow_is_stopped_by_then(make, seam):
    """And whoever was still at work is told to stop."""
    virtual = await make()
    virtual.seams.fault(seam, hangs)
    await virtual.ask(model="steadyrag-large", timeout_s=TIMEOUT_S)
    stopped = {each for each, times in virtual.seams.cancelled.items() if max(times) <= TIMEOUT_S + 1e-3}
    assert stopped == {each for each in virtual.seams.started if matches(each, seam)}


def matches(seam, pattern):
    return seam == pattern or (pattern.endswith("*") and seam.startswith(pattern[:-1]))


async def test_no_retry_is_begun_after_it(make):
    """The first attempt fails just before the end: a second one would begin after it."""
    virtual = await make()

    async def fails_late():
        await asyncio.sleep(0.999 * TIMEOUT_S)
        await DOWN()

    virtual.seams.fault("store", fails_late)
    reply = await virtual.search(timeout_s=TIMEOUT_S)
    assert reply.status == 503
    assert len(virtual.seams.calls("store")) == 1


async def test_the_time_in_the_line_counts(make):
    """Whoever waited for a place until its time was over begins nothing."""
    virtual = await make(resilience={"admitted": 1, "admitted_at_most": 1})
    virtual.seams.fault("model:small", takes(0.5))
    first = asyncio.create_task(virtual.ask())
    await asyncio.sleep(0.3)
    waiting = await virtual.ask(timeout_s=0.1)
    assert waiting.status == 503
    assert waiting.took_s <= 0.1 + 1e-3
    assert (await first).status == 200
    assert len(virtual.seams.calls("embedder")) == 1


@pytest.mark.parametrize("timeout_s", [0.001, 0.05, 0.25, 0.999])
async def test_fractions_of_a_second_are_kept_by_every_part(make, timeout_s):
    virtual = await make()
    for seam in SLOW:
        virtual.mend()
        virtual.seams.fault(seam, hangs)
        for post in (virtual.ask, virtual.search):
            assert (await post(timeout_s=timeout_s)).took_s <= timeout_s + 1e-3


async def test_in_time_everything_is_as_usual(make, said, post):
    settings, sent = said
    virtual = await make(**settings)
    reply = await post(virtual, **sent)
    assert (reply.status, reply.degraded) == (200, [])
