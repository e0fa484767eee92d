from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from router.backends.health import ServerLoad
from router.backends.replica import HALF_LIFE_S, MISSED_LOOKS, Replica
from router.errors import ModelUnreachable, StreamBroken
from router.types import Chunk
from tests.contracts.chat_backend import PROMPT
from tests.router.backends.servers import Scripted
from tests.support.clock import FakeClock


@pytest.fixture
def server() -> Scripted:
    return Scripted("a")


@pytest.fixture
def replica(server: Scripted, clock: FakeClock) -> Replica:
    return Replica("http://a", server, clock.monotonic)


async def look(replica: Replica, times: int = 1) -> None:
    for _ in range(times):
        await replica.look(timeout_s=1.0)


async def answer(replica: Replica) -> list[Chunk]:
    async with aclosing(replica.stream(PROMPT, timeout_s=10.0)) as chunks:
        return [chunk async for chunk in chunks]


async def test_its_answer_is_handed_on(replica: Replica, server: Scripted) -> None:
    assert await answer(replica) == [Chunk("a"), Chunk("", "stop")]
    server.answers = []
    assert await answer(replica) == []
    assert server.limits_s == [10.0, 10.0]


async def test_its_load_is_ours_and_what_others_had_at_the_last_look(replica: Replica, server: Scripted) -> None:
    async with aclosing(replica.stream(PROMPT, timeout_s=10.0)) as chunks:
        await anext(chunks)
        assert replica.load == 1
        server.load = ServerLoad(running=3, waiting=1)
        await look(replica)
        assert replica.load == 4, "one of the four that it reports is ours"
    assert replica.load == 3


async def test_its_work_fades_where_its_load_ends(replica: Replica, clock: FakeClock) -> None:
    async with aclosing(replica.stream(PROMPT, timeout_s=10.0)) as chunks:
        await anext(chunks)
        assert (replica.load, replica.work) == (1, 1.0)
    assert (replica.load, replica.work) == (0, 1.0)
    clock.advance(HALF_LIFE_S)
    assert replica.work == pytest.approx(0.5)
    await answer(replica)
    assert replica.work == pytest.approx(1.5)


async def test_it_is_crowded_when_its_cache_is_full(replica: Replica, server: Scripted) -> None:
    assert not replica.crowded
    for use, crowded in ((0.9, False), (0.96, True)):
        server.load = ServerLoad(kv_use=use)
        await look(replica)
        assert replica.crowded is crowded


async def test_one_that_answered_once_and_no_longer_is_lost_until_it_answers(
    replica: Replica, server: Scripted
) -> None:
    await look(replica)
    server.load = None
    await look(replica, MISSED_LOOKS - 1)
    assert not replica.lost
    await look(replica)
    assert replica.lost
    server.load = ServerLoad()
    await look(replica)
    assert not replica.lost


async def test_one_that_never_answered_may_have_nothing_to_tell(replica: Replica, server: Scripted) -> None:
    server.load = None
    await look(replica, 10)
    assert not replica.lost


async def test_nobody_waits_for_the_first_token_of_one_that_is_lost(replica: Replica, server: Scripted) -> None:
    await look(replica)
    server.gate.clear()
    waiting = asyncio.create_task(answer(replica))
    await server.asked.wait()
    server.load = None
    await look(replica, MISSED_LOOKS)
    with pytest.raises(ModelUnreachable, match="http://a stopped answering"):
        await waiting
    assert (server.under_way, replica.load) == (0, 0), "the request was taken back"


async def test_a_stream_that_has_begun_goes_on(replica: Replica, server: Scripted) -> None:
    await look(replica)
    async with aclosing(replica.stream(PROMPT, timeout_s=10.0)) as chunks:
        await anext(chunks)
        server.load = None
        await look(replica, MISSED_LOOKS)
        assert await anext(chunks) == Chunk("", "stop")


async def test_errors_come_out_as_they_are(replica: Replica, server: Scripted) -> None:
    server.answers = [Chunk("half"), StreamBroken("reset", model="a")]
    with pytest.raises(StreamBroken):
        await answer(replica)
    assert replica.load == 0


async def test_who_stops_waiting_takes_the_request_back(replica: Replica, server: Scripted) -> None:
    server.gate.clear()
    waiting = asyncio.create_task(answer(replica))
    await server.asked.wait()
    assert server.under_way == 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (server.under_way, replica.load) == (0, 0)


async def test_closing_closes_the_server(replica: Replica, server: Scripted) -> None:
    await replica.aclose()
    assert server.closed
