"""The same question asked of two replicas at once, and the replica that answers it killed."""

import asyncio
import signal

import aiohttp
import pytest

from evals.load.queue_model import Service as Pace
from evals.load.stub_model import StubModel
from tests.support import folders
from tests.support.chat import ROUTE, chat_body
from tests.support.corpus import DOCUMENTS, QUESTION
from tests.support.jobs import add
from tests.support.processes import Environment, serving
from tests.support.redis_server import running

pytestmark = pytest.mark.slow

AT_ONCE = 100
#: Long enough for the leader to be found and killed.
PACE = Pace(service_time_s=3.0, slots=8)


@pytest.fixture
async def model():
    async with StubModel(PACE) as stub:
        yield stub


@pytest.fixture
def pair(tmp_path, model_folder, model):
    """Two running replicas, and how a third of the same settings would be started."""
    with running(tmp_path) as redis, folders.scratch() as folder:
        shared = {
            "log__url": redis.url,
            "cache__store": redis.url,
            "models__small": f"{model.url}/v1#model",
            "index__shards": 1,
            "limits__min_free_bytes": 0,
        }
        with (
            serving(Environment(folder / "a", model_folder, **shared)) as first,
            serving(Environment(folder / "b", model_folder, **shared)) as second,
        ):
            yield first, second


async def asked(served):
    """One question; gives status and text."""
    async with aiohttp.ClientSession() as http, http.post(served.url + ROUTE, json=chat_body(QUESTION)) as response:
        reply = await response.json()
        return response.status, reply["choices"][0]["message"]["content"]


async def generations(model, count):
    """Wait until the model was asked so often."""
    while len(model.served) < count:  # noqa: ASYNC110 - what it does is seen from outside alone
        await asyncio.sleep(0.01)


async def test_when_the_replica_that_answers_is_killed_the_other_answers_once(pair, model):
    first, second = pair
    async with aiohttp.ClientSession(first.url) as http:
        await add(http, "default", *((each.id, each.text) for each in DOCUMENTS[:2]))
    leading = [asyncio.create_task(asked(first)) for _ in range(AT_ONCE)]
    await generations(model, 1)
    following = [asyncio.create_task(asked(second)) for _ in range(AT_ONCE)]
    await asyncio.sleep(0.5)  # they wait for the other replica
    assert len(model.served) == 1
    first.signal(signal.SIGKILL)
    lost = await asyncio.gather(*leading, return_exceptions=True)
    assert all(isinstance(each, aiohttp.ClientError) for each in lost)
    replies = await asyncio.gather(*following)
    assert {status for status, _ in replies} == {200}
    assert len({text for _, text in replies}) == 1
    assert len(model.served) == 2
