import asyncio
import math

import aiohttp
import pytest

from chaos.proxy.toxics.blackhole import Blackhole, BlackholeStage
from chaos.proxy.toxics.toxic import Stream
from evals.load.stub_model import StubModel
from tests.support.faulted import RecordedLine, faulted, tell

UP, DOWN = Stream.UPSTREAM, Stream.DOWNSTREAM


async def models(session):
    async with session.get("/v1/models") as response:
        return await response.json()


async def test_nothing_comes_back_until_it_is_removed():
    async with (
        StubModel() as stub,
        faulted(stub.port) as faults,
        aiohttp.ClientSession(faults.url) as session,
    ):
        expected = await models(session)
        await faults.add("blackhole")
        held = [asyncio.create_task(models(session)) for _ in range(3)]
        with pytest.raises(TimeoutError):
            async with session.get("/v1/models", timeout=aiohttp.ClientTimeout(0.1)):
                pass
        assert not any(task.done() for task in held)
        await faults.remove("blackhole")
        assert await asyncio.gather(*held) == [expected] * 3


def test_both_streams_and_the_server_s_end_are_held():
    stage = BlackholeStage(Blackhole(), RecordedLine())
    tell(stage, UP, b"a", b"b")
    tell(stage, DOWN, b"c")
    stage.on_end(DOWN, 0.0)
    assert not any(stage.line.sent.values())
    assert stage.line.waiting == {UP: [b"a", b"b"], DOWN: [b"c"]}
    assert stage.line.ended == [(DOWN, math.inf)]


def test_a_client_that_gives_up_takes_its_request_along():
    stage = BlackholeStage(Blackhole(), RecordedLine())
    tell(stage, UP, b"a")
    stage.on_end(UP, 0.0)
    assert stage.line.ended == ["reset"]
