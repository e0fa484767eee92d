"""SIGTERM: what runs is finished, nothing new is taken, and it takes a bounded time."""

import asyncio
import signal
import time

import aiohttp
import pytest

from tests.support.chat import ROUTE, Stream, chat_body, complete
from tests.support.corpus import DOCUMENTS, QUESTION, as_lines
from tests.support.gated_model import WORDS, GatedModel
from tests.support.processes import Environment, serving, steadyrag
from tests.support.stored import Stored

SHUTDOWN_S = 1.0


@pytest.fixture
async def model():
    async with GatedModel() as gated:
        yield gated


@pytest.fixture
def environment(scratch, model_folder, model):
    settings = Environment(
        scratch / "data", model_folder, index__shards=1, limits__min_free_bytes=0, models__small=model.url
    )
    assert steadyrag(settings, "ingest", "-", stdin=as_lines(DOCUMENTS)).returncode == 0
    return settings


async def refused(url):
    """Wait until the service takes no connection any more."""
    async with asyncio.timeout(10):
        while True:
            try:
                async with aiohttp.ClientSession(url) as http, http.get("/health"):
                    pass
            except aiohttp.ClientConnectorError:
                return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("streamed", [True, False], ids=["stream", "JSON"])
async def test_an_answer_under_way_is_finished_and_nothing_new_is_taken(environment, model, streamed, number):
    with serving(environment) as served:
        async with aiohttp.ClientSession(served.url) as http:
            asking = asyncio.create_task(http.post(ROUTE, json=chat_body(QUESTION, stream=streamed)))
            await model.started.wait()
            served.signal(number)
            await refused(served.url)
            assert served.process.poll() is None
            model.release.set()
            body = await (await asking).read()
        assert await asyncio.to_thread(served.wait) == 0
    if streamed:
        assert (Stream.parse(body).text, Stream.parse(body).done) == ("".join(WORDS), True)
    else:
        assert "".join(WORDS).encode() in body
    assert served.lines[-1] == "steadyrag stopped\n"


async def test_the_next_process_can_take_the_folder(environment, model, scratch):
    model.release.set()
    with serving(environment) as served:
        async with aiohttp.ClientSession(served.url) as http:
            await complete(http, chat_body(QUESTION))
    Stored.read(scratch / "data").check()
    with serving(environment) as served:
        async with aiohttp.ClientSession(served.url) as http:
            assert (await complete(http, chat_body(QUESTION)))["steadyrag"]["answered"]


async def test_what_does_not_end_is_cut_off_in_time(environment, model, scratch):
    environment["STEADYRAG_SHUTDOWN_S"] = str(SHUTDOWN_S)
    with serving(environment) as served:
        async with aiohttp.ClientSession(served.url) as http:
            response = await http.post(ROUTE, json=chat_body(QUESTION, stream=True))
            await model.started.wait()
            served.signal()
            told_at = time.monotonic()
            assert await asyncio.to_thread(served.wait) == 0
            assert SHUTDOWN_S <= time.monotonic() - told_at < SHUTDOWN_S + 2.0
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
    assert model.gone.is_set()
    assert "Traceback" not in served.said, served.said
    Stored.read(scratch / "data").check()
