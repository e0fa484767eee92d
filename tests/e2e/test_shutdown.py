"""SIGTERM: what runs is finished, nothing new is taken, and it takes a bounded time."""

import asyncio
import json
import random
import signal
import time
from contextlib import ExitStack

import aiohttp
import pytest

from rag.cli.ingest import BATCH_DOCUMENTS
from rag.cli.output import INTERRUPTED
from tests.support.chat import ROUTE, Stream, chat_body, complete
from tests.support.corpus import DOCUMENTS, QUESTION, as_lines, generated
from tests.support.gated_model import WORDS, GatedModel
from tests.support.processes import TIMEOUT_S, Environment, serving, started, steadyrag
from tests.support.stored import Stored, written

SHUTDOWN_S = 1.0
#: Far below the 20 s that running requests have by default.
AT_ONCE_S = 5.0


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


async def test_a_second_ctrl_c_stops_it_at_once(environment, model, scratch):
    with serving(environment) as served:
        async with aiohttp.ClientSession(served.url) as http:
            response = await http.post(ROUTE, json=chat_body(QUESTION, stream=True))
            await model.started.wait()
            served.signal(signal.SIGINT)
            await refused(served.url)
            served.signal(signal.SIGINT)
            told_at = time.monotonic()
            assert await asyncio.to_thread(served.wait) == 0, served.said
            assert time.monotonic() - told_at < AT_ONCE_S
            response.close()
    assert "Traceback" not in served.said, served.said
    Stored.read(scratch / "data").check()


def test_ctrl_c_of_an_ingestion(scratch, model_folder, tmp_path):
    """What was stored is there as a whole; there is nothing to mend."""
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps(record) + "\n" for record in generated(2_000, random.Random(1))))
    environment = Environment(scratch / "data", model_folder, index__shards=1, limits__min_free_bytes=0)
    with started(environment, "ingest", corpus) as ingestion:
        while not written(scratch / "data"):
            assert ingestion.poll() is None
        ingestion.send_signal(signal.SIGINT)
        _, told = ingestion.communicate(timeout=TIMEOUT_S)
    assert ingestion.returncode == INTERRUPTED
    assert "Traceback" not in told
    found = Stored.read(scratch / "data")
    found.check()
    assert 0 < len(found.documents) < 2_000
    assert not found.notes


@pytest.mark.parametrize("through_a_service", [False, True])
def test_ctrl_c_of_an_ingestion_that_waits_for_its_input(scratch, model_folder, through_a_service):
    """Its writer keeps standard input open; what came before is stored."""
    environment = Environment(scratch / "data", model_folder, index__shards=1, limits__min_free_bytes=0)
    records = list(generated(BATCH_DOCUMENTS + 1, random.Random(1)))
    with ExitStack() as stack:
        to = ["--url", stack.enter_context(serving(environment)).url] if through_a_service else []
        ingestion = stack.enter_context(started(environment, "ingest", "-", *to))
        ingestion.stdin.writelines(json.dumps(record) + "\n" for record in records)
        ingestion.stdin.flush()
        while written(scratch / "data") < BATCH_DOCUMENTS:
            assert ingestion.poll() is None
        ingestion.send_signal(signal.SIGINT)
        assert ingestion.wait(AT_ONCE_S) == INTERRUPTED
        told = ingestion.stderr.read()
    assert "Traceback" not in told, told
    assert "Fatal" not in told, told
    found = Stored.read(scratch / "data")
    found.check()
    assert found.documents == sorted(record["_id"] for record in records[:BATCH_DOCUMENTS])
