"""A client that goes away: the work that was done for it stops, down to the model's server."""

import asyncio
import time

import aiohttp
import pytest

from tests.support.chat import ROUTE, Stream, chat_body
from tests.support.corpus import DOCUMENTS, QUESTION, as_lines
from tests.support.gated_model import WORDS, GatedModel
from tests.support.processes import Environment, serving, steadyrag

STOPPED_WITHIN_S = 0.1


@pytest.fixture
async def model():
    async with GatedModel() as gated:
        yield gated


@pytest.fixture
def url(scratch, model_folder, model):
    """A running service whose small model is the gated one."""
    environment = Environment(
        scratch / "data", model_folder, index__shards=1, limits__min_free_bytes=0, models__small=model.url
    )
    assert steadyrag(environment, "ingest", "-", stdin=as_lines(DOCUMENTS)).returncode == 0
    with serving(environment) as served:
        yield served.url


async def metric(http, name):
    async with http.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(f"{name} ")), 0.0)


@pytest.mark.parametrize("streamed", [True, False], ids=["stream", "JSON"])
async def test_the_model_is_told_within_100_ms(url, model, streamed):
    async with aiohttp.ClientSession(url) as http:
        asking = asyncio.create_task(http.post(ROUTE, json=chat_body(QUESTION, stream=streamed)))
        await model.started.wait()
        if streamed:
            (await asking).close()
        else:
            asking.cancel()
        left_at = time.monotonic()
        async with asyncio.timeout(10):
            await model.gone.wait()
        assert time.monotonic() - left_at < STOPPED_WITHIN_S
        while await metric(http, "steadyrag_requests_in_flight") > 1:  # the request for the metrics is one
            pass


async def test_others_are_not_disturbed(url, model):
    async with aiohttp.ClientSession(url) as http:
        leaving = await http.post(ROUTE, json=chat_body(QUESTION, stream=True, cache="no-store"))
        staying = await http.post(ROUTE, json=chat_body(QUESTION, stream=True, cache="no-store"))
        await model.started.wait()
        leaving.close()
        await model.gone.wait()
        model.release.set()
        reply = Stream.parse(await staying.read())
    assert (reply.text, reply.done) == ("".join(WORDS), True)


async def test_half_an_answer_is_not_kept(url, model):
    async with aiohttp.ClientSession(url) as http:
        response = await http.post(ROUTE, json=chat_body(QUESTION, stream=True))
        await model.started.wait()
        response.close()
        await model.gone.wait()
        model.release.set()
        async with http.post(ROUTE, json=chat_body(QUESTION)) as response:
            assert response.headers["x-steadyrag-cache"] == "miss"
            assert (await response.json())["choices"][0]["message"]["content"] == "".join(WORDS)
