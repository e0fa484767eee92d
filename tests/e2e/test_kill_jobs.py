"""kill -9 of the ingestion process, or of the whole service, in the midst of a job: every document is indexed once.

Three moments each; `STEADYRAG_TEST_KILLS=20` takes more.
"""

import os
import random
import signal
import time
from pathlib import Path

import aiohttp
import pytest

from rag.ingestion.chunking import Chunker
from rag.types import ANONYMOUS, Document, Space
from tests.support.corpus import generated
from tests.support.jobs import accepted, finished
from tests.support.processes import TIMEOUT_S, Environment, alive, children, serving
from tests.support.stored import Stored, written

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are found by /proc"),
]

SEED = 20_261_122
KILLS = int(os.environ.get("STEADYRAG_TEST_KILLS", "3"))
#: Documents between two kills, so that each one hits a job that got on.
SPACING = 100
POLL_S = 0.005
MOMENT_S = 0.5
SPACE = Space(ANONYMOUS.tenant, "default")


@pytest.fixture
def documents():
    records = generated(SPACING * (KILLS + 1), random.Random(SEED))
    return [Document(record["_id"], record["text"], record["title"]) for record in records]


@pytest.fixture
def expected(documents, model):
    """(document, ordinal, passage id) of each passage."""
    chunker = Chunker(model.count_tokens, max_tokens=model.info.max_tokens)
    return sorted((d.id, p.ordinal, p.id) for d in documents for p in chunker.split(SPACE, d))


@pytest.fixture
def environment(scratch, model_folder):
    return Environment(scratch / "data", model_folder, limits__min_free_bytes=0, limits__documents=100_000)


def moments():
    """How many documents are to be written before each kill, and how many seconds after that it comes."""
    rng = random.Random(SEED)
    return [(SPACING * n + rng.randrange(SPACING), rng.uniform(0, MOMENT_S)) for n in range(KILLS)]


def reached(data_dir, target, delay_s):
    until(lambda: written(data_dir) >= target)
    time.sleep(delay_s)


def until(holds):
    end = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(POLL_S)


async def submit(served, documents):
    body = {"documents": [{"id": d.id, "title": d.title, "text": d.text} for d in documents]}
    async with aiohttp.ClientSession(served.url) as http:
        return await accepted(http, body)


async def outcome(served, job):
    async with aiohttp.ClientSession(served.url) as http:
        return await finished(http, job)


def check(data_dir, expected, job, killed):
    assert killed == KILLS
    assert (job["status"], job["failures"]) == ("done", [])
    found = Stored.read(data_dir)
    found.check()
    assert found.passages == expected


async def test_the_worker(environment, scratch, documents, expected):
    killed = 0
    with serving(environment) as served:
        job = await submit(served, documents)
        for target, delay_s in moments():
            reached(scratch / "data", target, delay_s)
            until(lambda: children(served.process.pid))  # the last one's successor, if it came to that
            for child in children(served.process.pid):
                os.kill(child, signal.SIGKILL)
                killed += 1
        job = await outcome(served, job)
    check(scratch / "data", expected, job, killed)


async def test_the_service(environment, scratch, documents, expected):
    killed, job = 0, None
    for target, delay_s in moments():
        with serving(environment) as served:
            job = job or await submit(served, documents)
            reached(scratch / "data", target, delay_s)
            orphans = children(served.process.pid)
            served.process.kill()
            killed += served.wait() == -signal.SIGKILL
            until(lambda orphans=orphans: not any(map(alive, orphans)))  # nobody works on for a service that is dead
    with serving(environment) as served:
        job = await outcome(served, job)
    check(scratch / "data", expected, job, killed)
