import pytest

from rag.errors import DependencyFailed, NotFound
from rag.resilience.guards import Guards, Protections


@pytest.fixture
def guards(loop_clock, events):
    return Guards(Protections(), loop_clock, events.append)


async def fail():
    raise DependencyFailed("down")


async def open_it(guard):
    for _ in range(40):
        if guard.breaker.state == "open":
            return
        with pytest.raises(DependencyFailed):
            await guard.call(fail, timeout_s=1)


async def test_breakers_are_listed_by_name(guards):
    for name in ("store", "index:1", "index:0"):
        guards.guard(name, slow_s=1, concurrency=4)
    assert [breaker.name for breaker in guards.breakers()] == ["index:0", "index:1", "store"]
    assert {breaker.state for breaker in guards.breakers()} == {"closed"}


async def test_a_bulkhead_has_a_fixed_size_and_an_admission_adapts_within_its_bounds(guards):
    guards.guard("store", slow_s=1, concurrency=4)
    guards.admission("answers", least=3, most=9)
    assert {limiter.name: limiter.limit for limiter in guards.limiters()} == {"answers": 3, "store": 4}


async def test_an_operator_holds_a_breaker_open_and_closed(guards):
    guard = guards.guard("store", slow_s=1, concurrency=4)
    assert guards.force("store", "open", 30).forced_for_s == 30
    assert guard.breaker.state == "open"
    assert guards.force("store", "closed", 0).state == "closed"


async def test_an_unknown_breaker_is_named_with_the_known_ones(guards):
    guards.guard("store", slow_s=1, concurrency=4)
    with pytest.raises(NotFound, match="no breaker 'stroe'; there are store"):
        guards.force("stroe", "open", 1)


@pytest.mark.parametrize("on", [True, False])
async def test_breakers_can_be_switched_off(loop_clock, events, on):
    guard = Guards(Protections(breakers=on), loop_clock, events.append).guard("store", slow_s=1, concurrency=4)
    await open_it(guard)
    assert guard.breaker.state == ("open" if on else "closed")
