from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace

import pytest

from router.backends.health import ServerLoad
from router.backends.outliers import OutlierConfig
from router.backends.replica import MISSED_LOOKS
from router.backends.replicas import ATTEMPTS, LOOK_EVERY_S, ReplicatedBackend
from router.errors import (
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnavailable,
    ModelUnreachable,
    StreamBroken,
)
from router.ports import ChatBackend, Reporting
from router.types import Chunk, Load
from tests.contracts.chat_backend import PROMPT, ChatBackendContract, collect, text_of
from tests.router.backends.loopback import one_word_a_token, serving
from tests.router.backends.servers import Scripted
from tests.support.clock import FakeClock
from tests.support.virtual_time import VirtualTimeLoop


class TestContract(ChatBackendContract):
    @pytest.fixture
    async def backend(self) -> AsyncIterator[ChatBackend]:
        async with serving(one_word_a_token) as one, serving(one_word_a_token) as other:
            replicated = ReplicatedBackend("m", {"one": one, "other": other})
            yield replicated
            await replicated.aclose()


@pytest.fixture
def servers() -> dict[str, Scripted]:
    return {name: Scripted(name) for name in "abc"}


@pytest.fixture
async def backend(servers: dict[str, Scripted], clock: FakeClock) -> AsyncIterator[ReplicatedBackend]:
    replicated = ReplicatedBackend("m", servers, clock=clock.monotonic)
    yield replicated
    await replicated.aclose()


async def answered_by(backend: ReplicatedBackend, prefix: str = "") -> str:
    return text_of(await collect(backend, replace(PROMPT, prefix=prefix)))


async def look(backend: ReplicatedBackend, times: int = MISSED_LOOKS) -> None:
    for _ in range(times):
        await backend.look()


async def test_a_prefix_stays_where_it_is_and_prefixes_spread(backend: ReplicatedBackend, clock: FakeClock) -> None:
    by_prefix: dict[int, str] = {}
    for _ in range(2):
        for n in range(60):
            server = await answered_by(backend, str(n))
            assert by_prefix.setdefault(n, server) == server
            clock.advance(5)
    assert all(count > 8 for count in Counter(by_prefix.values()).values())
    assert set(by_prefix.values()) == set("abc")


async def test_a_hot_prefix_does_not_take_more_than_its_server_may_have(
    backend: ReplicatedBackend, servers: dict[str, Scripted]
) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(24):
            chunks = await stack.enter_async_context(aclosing(backend.stream(replace(PROMPT, prefix="x"), timeout_s=9)))
            await anext(chunks)
        assert sorted(server.under_way for server in servers.values()) == [4, 10, 10]


async def test_without_a_prefix_the_least_loaded_is_asked(
    backend: ReplicatedBackend, servers: dict[str, Scripted]
) -> None:
    servers["a"].load, servers["b"].load = ServerLoad(running=2), ServerLoad(waiting=1)
    await look(backend, 1)
    assert {await answered_by(backend) for _ in range(9)} == {"c"}
    servers["a"].load = servers["b"].load = ServerLoad()
    await look(backend, 1)
    assert {await answered_by(backend) for _ in range(30)} == set("abc"), "equals take turns"


@pytest.mark.parametrize(
    "error",
    [ModelUnreachable("refused", model="m"), ModelUnavailable("500", model="m"), ModelOverloaded("429", model="m")],
    ids=lambda error: type(error).__name__,
)
async def test_before_the_first_token_another_server_takes_over(
    backend: ReplicatedBackend, servers: dict[str, Scripted], error: ModelError
) -> None:
    first = await answered_by(backend, "x")
    servers[first].answers = [error]
    second = await answered_by(backend, "x")
    assert second != first
    servers[second].answers = [error]
    with pytest.raises(type(error)):
        await answered_by(backend, "x")
    assert sum(len(server.prompts) for server in servers.values()) == 1 + 2 * ATTEMPTS, "not more than two are asked"


@pytest.mark.parametrize(
    "answers",
    [[Chunk("half"), StreamBroken("reset", model="m")], [ModelRejected("too long", model="m")]],
    ids=["after the first token", "for a wrong request"],
)
async def test_nobody_takes_over(
    backend: ReplicatedBackend, servers: dict[str, Scripted], answers: list[Chunk | Exception]
) -> None:
    for server in servers.values():
        server.answers = answers
    with pytest.raises((StreamBroken, ModelRejected)):
        await answered_by(backend, "x")
    assert sum(len(server.prompts) for server in servers.values()) == 1


async def test_the_second_server_has_the_time_that_is_left(
    backend: ReplicatedBackend, servers: dict[str, Scripted], clock: FakeClock
) -> None:
    first = await answered_by(backend, "x")
    servers[first].answers = [ModelUnavailable("late", model="m")]
    servers[first].gate.clear()
    servers[first].asked.clear()
    asked = asyncio.create_task(answered_by(backend, "x"))
    await servers[first].asked.wait()
    clock.advance(4)
    servers[first].gate.set()
    second = await asked
    assert servers[second].limits_s == [6.0]


async def test_a_lost_server_is_not_asked_and_its_waiting_requests_go_elsewhere(
    backend: ReplicatedBackend, servers: dict[str, Scripted]
) -> None:
    first = await answered_by(backend, "x")
    await look(backend)
    servers[first].gate.clear()
    servers[first].asked.clear()
    waiting = asyncio.create_task(answered_by(backend, "x"))
    await servers[first].asked.wait()
    servers[first].load = None
    await look(backend)
    second = await waiting
    assert second != first
    assert await answered_by(backend, "x") == second
    assert len(servers[first].prompts) == 2
    servers[first].load = ServerLoad()
    servers[first].gate.set()
    await look(backend, 1)
    assert await answered_by(backend, "x") == first, "back to where the prefix lies"


async def test_when_all_are_lost_nobody_is_asked(backend: ReplicatedBackend, servers: dict[str, Scripted]) -> None:
    await look(backend, 1)
    for server in servers.values():
        server.load = None
    await look(backend)
    with pytest.raises(ModelUnreachable, match="none of its servers answers"):
        await collect(backend)
    assert not any(server.prompts for server in servers.values())
    servers["b"].load = ServerLoad()
    assert await answered_by(backend) == "b", "what is back is asked at once"


async def test_a_crowded_server_is_passed_over_unless_all_are(
    backend: ReplicatedBackend, servers: dict[str, Scripted]
) -> None:
    first = await answered_by(backend, "x")
    servers[first].load = ServerLoad(kv_use=1.0)
    await look(backend, 1)
    assert await answered_by(backend, "x") != first
    for server in servers.values():
        server.load = ServerLoad(kv_use=1.0)
    await look(backend, 1)
    assert await answered_by(backend, "x") == first


async def test_a_server_that_fails_again_and_again_is_ejected_for_a_while(
    backend: ReplicatedBackend, servers: dict[str, Scripted], clock: FakeClock
) -> None:
    first = await answered_by(backend, "x")
    servers[first].answers = [ModelUnavailable("500", model="m")]
    for _ in range(10):
        assert await answered_by(backend, "x") != first
    assert len(servers[first].prompts) == 1 + OutlierConfig().failures
    servers[first].answers = [Chunk("well again", "stop")]
    clock.advance(OutlierConfig().ejected_s + 1)
    assert await answered_by(backend, "x") == "well again"


async def test_a_slow_server_is_ejected(
    backend: ReplicatedBackend, servers: dict[str, Scripted], clock: FakeClock
) -> None:
    slow = await answered_by(backend, "x")
    servers[slow].work = lambda: clock.advance(1)
    for n in range(300):
        await answered_by(backend, str(n))
    asked = len(servers[slow].prompts)
    assert asked < 50
    assert slow not in {await answered_by(backend, str(n)) for n in range(300)}
    assert len(servers[slow].prompts) == asked


async def test_it_reports_what_its_servers_have(backend: ReplicatedBackend, servers: dict[str, Scripted]) -> None:
    assert isinstance(backend, Reporting)
    assert backend.load() == Load(healthy=True, under_way=0)
    servers["a"].load, servers["b"].load = ServerLoad(running=2), ServerLoad(waiting=1)
    await look(backend, 1)
    assert backend.load() == Load(healthy=True, under_way=3)
    servers["a"].load = servers["b"].load = None
    await look(backend)
    assert backend.load().healthy, "one is enough"
    servers["c"].load = None
    await look(backend)
    assert not backend.load().healthy


async def test_closing_closes_every_server_and_stops_looking(
    backend: ReplicatedBackend, servers: dict[str, Scripted]
) -> None:
    await collect(backend)
    await backend.aclose()
    assert all(server.closed for server in servers.values())
    assert len(asyncio.all_tasks()) == 1


def test_the_servers_are_looked_at_once_a_second_from_the_first_request_on() -> None:
    looks: list[float] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = Scripted("a")

        async def look(*, timeout_s: float) -> ServerLoad:
            looks.append(loop.time())
            return ServerLoad()

        server.look = look  # type: ignore[method-assign]
        backend = ReplicatedBackend("m", {"a": server}, clock=loop.time)
        await asyncio.sleep(10)
        await collect(backend)
        await asyncio.sleep(2.5 * LOOK_EVERY_S)
        await backend.aclose()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(run())
    assert looks == [10.0, 11.0, 12.0]
