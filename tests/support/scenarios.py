"""What the protections of a service are for, each as a scenario that fails when its protection is off.

A scenario is given `make`, which composes a service in virtual time, and raises AssertionError where the service does
not keep what it promises.
"""

import asyncio

from rag.errors import DependencyFailed
from tests.support.seams import every, first, hangs, raises, takes

DOWN = raises(lambda: DependencyFailed("it is down"))
#: Long past every wait that the service allows itself.
FOREVER_S = 3600.0
#: More requests than a breaker needs to open.
WARM_UP = 40
#: Calls that may be retries, as the issue of resilience states it: attempts over requests.
AMPLIFICATION = 1.10
#: Requests after which the budget's first tokens no longer show.
MANY = 1000


async def what_is_known_to_fail_costs_nothing(make):
    """Circuit breaker: after some requests nobody waits for a part that hangs, nor is it called."""
    virtual = await make()
    virtual.seams.fault("lexical", hangs)
    for _ in range(WARM_UP):
        await virtual.search(timeout_s=10)
    made = len(virtual.seams.calls("lexical"))
    replies = [await virtual.search(timeout_s=10) for _ in range(WARM_UP)]
    assert {reply.status for reply in replies} == {200}
    assert max(reply.took_s for reply in replies) < 0.01
    assert len(virtual.seams.calls("lexical")) == made


async def a_hang_costs_a_bounded_wait(make):
    """Timeouts: a part that never answers costs a request its share, not the request."""
    virtual = await make()
    virtual.seams.fault("lexical", hangs)
    reply = await in_time(virtual.search(timeout_s=30))
    assert (reply.status, reply.degraded) == (200, ["lexical-unavailable"])
    assert reply.took_s <= virtual.service.settings.resilience.lexical_timeout_s + 0.01


async def who_cannot_be_served_soon_is_told_at_once(make):
    """Admission: of a crowd some are served in the usual time, and the others know at once when to come again."""
    virtual = await make(resilience={"admitted": 4, "admitted_at_most": 4})
    virtual.seams.fault("model:small", takes(2.0))
    replies = await asyncio.gather(*(virtual.ask() for _ in range(40)))
    served = [reply for reply in replies if reply.status == 200]
    refused = [reply for reply in replies if reply.status != 200]
    assert 4 <= len(served) <= 8
    assert max(reply.took_s for reply in served) <= 2 * 2.0 + 0.1
    assert {reply.status for reply in refused} == {503}
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
    assert max(reply.took_s for reply in refused) <= virtual.service.admission.config.max_wait_s


async def one_blip_is_not_noticed(make):
    """Retries: a part that fails once, and quickly, degrades nothing."""
    for seam in ("embedder", "lexical", "index:0", "store"):
        virtual = await make()
        await virtual.search()
        usual = len(virtual.seams.calls(seam))
        virtual.mend()
        virtual.seams.fault(seam, first(1, DOWN))
        reply = await virtual.search()
        assert (reply.status, reply.degraded) == (200, []), seam
        assert len(virtual.seams.calls(seam)) == usual + 1


async def retries_are_a_tenth_of_the_calls(make):
    """Retry budget: a part that fails too seldom for its breaker to open is not called a third oftener for it."""
    virtual = await make()
    virtual.seams.fault("lexical", every(4, DOWN))
    for _ in range(MANY):
        assert (await virtual.search()).status == 200
    assert virtual.service.guards.force("lexical", "closed", 0).state == "closed"
    assert MANY < len(virtual.seams.calls("lexical")) <= AMPLIFICATION * MANY


async def in_time(request):
    """The request's reply, if it ever comes."""
    try:
        async with asyncio.timeout(FOREVER_S):
            return await request
    except TimeoutError:
        raise AssertionError("the request never ended") from None


#: The setting that switches a protection off -> what then no longer holds.
BY_PROTECTION = {
    "breakers": what_is_known_to_fail_costs_nothing,
    "timeouts": a_hang_costs_a_bounded_wait,
    "limits": who_cannot_be_served_soon_is_told_at_once,
    "retries": one_blip_is_not_noticed,
    "retry_budget": retries_are_a_tenth_of_the_calls,
}
