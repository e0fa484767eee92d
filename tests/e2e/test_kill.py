"""kill -9 at any moment: started again, the work ends as if nothing had happened."""

import gzip
import json
import random
import signal
import time
from itertools import islice
from pathlib import Path

import aiohttp
import pytest

from tests.support import folders
from tests.support.corpus import generated
from tests.support.jobs import accepted, finished
from tests.support.processes import TIMEOUT_S, Environment, serving, started, steadyrag
from tests.support.stored import Stored, written

pytestmark = pytest.mark.slow

SEED = 20_261_121
KILLS = 5
POLL_S = 0.005
MOMENT_S = 0.02
SQUAD = Path(__file__).resolve().parents[3] / "shared" / "data" / "retrieval" / "squad" / "corpus.jsonl.gz"


@pytest.fixture
def corpus(tmp_path):
    """A few hundred documents as JSON Lines."""
    file = tmp_path / "corpus.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in generated(640, random.Random(SEED))))
    return file


@pytest.fixture
def few(tmp_path):
    """A batch and a half."""
    file = tmp_path / "few.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in generated(96, random.Random(SEED))))
    return file


@pytest.fixture
def squad(tmp_path):
    """The first paragraphs of SQuAD."""
    if not SQUAD.is_file():
        pytest.skip("the SQuAD corpus is not on this machine")
    file = tmp_path / "squad.jsonl"
    with gzip.open(SQUAD, "rt") as lines:
        file.write_text("".join(islice(lines, 600)))
    return file


def ids(corpus):
    return sorted(json.loads(line)["_id"] for line in corpus.read_text().splitlines())


def kill(process, once, delay_s=0.0):
    """Kill the process a moment after `once()` holds."""
    end = time.monotonic() + TIMEOUT_S
    while not once():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(POLL_S)
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def moments(total, rng):
    """How many documents are to be written before each kill; enough are left to be killed at."""
    return sorted(rng.sample(range(total - 400), KILLS))


def interrupted(environment, data_dir, corpus, total):
    """Ingest, killed at random moments, until it is through; gives the final run."""
    rng = random.Random(SEED)
    for target in moments(total, rng):
        with started(environment, "ingest", corpus) as process:
            kill(process, lambda target=target: written(data_dir) >= target, rng.uniform(0, MOMENT_S))
    return steadyrag(environment, "ingest", corpus, "--json")


def test_the_moments_of_death_are_spread(corpus):
    chosen = moments(len(ids(corpus)), random.Random(SEED))
    assert len(set(chosen)) == KILLS
    assert chosen[0] < 64 < chosen[-1]


@pytest.mark.parametrize("place", ["steadyrag.lock", "index/shard-3", "lexical.db-wal"])
def test_the_making_of_the_folder(few, scratch, model_folder, place):
    environment = Environment(scratch / "data", model_folder, limits__min_free_bytes=0)
    with started(environment, "ingest", few) as process:
        kill(process, (scratch / "data" / place).exists)
    assert steadyrag(environment, "ingest", few).returncode == 0
    found = Stored.read(scratch / "data")
    found.check()
    assert found.documents == ids(few)


def assert_as_if_nothing_had_happened(corpus, scratch, model_folder):
    total = len(ids(corpus))
    settings = {"limits__min_free_bytes": 0}
    whole = steadyrag(Environment(scratch / "whole", model_folder, **settings), "ingest", corpus, "--json")
    assert json.loads(whole.stdout)["stored"] == total
    last = interrupted(Environment(scratch / "killed", model_folder, **settings), scratch / "killed", corpus, total)
    assert last.returncode == 0, last.stderr
    outcome = json.loads(last.stdout)
    assert outcome["stored"] + outcome["unchanged"] == total
    assert outcome["stored"] > 0
    assert outcome["unchanged"] > 0
    expected, found = Stored.read(scratch / "whole"), Stored.read(scratch / "killed")
    expected.check()
    found.check()
    assert found.documents == ids(corpus), "every _id exactly once"
    assert found.passages == expected.passages


def test_ingestion(corpus, scratch, model_folder):
    assert_as_if_nothing_had_happened(corpus, scratch, model_folder)


@pytest.mark.timeout(400)
def test_ingestion_of_real_text(squad, scratch, model_folder):
    assert_as_if_nothing_had_happened(squad, scratch, model_folder)


def test_changed_documents(corpus, scratch, model_folder):
    """Killed while documents are replaced: each is the old one or the new one, never both, and in the end the new."""
    environment = Environment(scratch / "data", model_folder, limits__min_free_bytes=0)
    assert steadyrag(environment, "ingest", corpus).returncode == 0
    changed = corpus.with_name("changed.jsonl")
    records = [json.loads(line) for line in corpus.read_text().splitlines()]
    changed.write_text("".join(json.dumps({**each, "text": f"Changed. {each['text']}"}) + "\n" for each in records))
    with started(environment, "ingest", changed) as process:
        kill(process, lambda: written(scratch / "data") > len(records))
    assert steadyrag(environment, "ingest", changed).returncode == 0
    fresh = Environment(scratch / "fresh", model_folder, limits__min_free_bytes=0)
    assert steadyrag(fresh, "ingest", changed).returncode == 0
    found = Stored.read(scratch / "data")
    found.check()
    assert found.passages == Stored.read(scratch / "fresh").passages


async def test_a_job_that_was_accepted(scratch, model_folder):
    environment = Environment(scratch / "data", model_folder, limits__min_free_bytes=0)
    records = list(generated(600, random.Random(SEED)))
    documents = [{"id": record["_id"], "title": record["title"], "text": record["text"]} for record in records]
    with serving(environment) as served:
        async with aiohttp.ClientSession(served.url) as http:
            job = await accepted(http, {"documents": documents})
        kill(served.process, lambda: written(scratch / "data") > 0)
    with serving(environment) as served:
        async with aiohttp.ClientSession(served.url) as http:
            job = await finished(http, job)
    assert (job["status"], job["done"], job["failures"]) == ("done", len(records), [])
    found = Stored.read(scratch / "data")
    found.check()
    assert found.documents == sorted(record["_id"] for record in records)


def test_the_folder_is_free_at_once(served_folder):
    environment, data_dir = served_folder
    done = steadyrag(environment, "doctor", "--json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["state"]["collections"]["default"]["documents"] == 1
    Stored.read(data_dir).check()


@pytest.fixture
def served_folder(model_folder):
    """The folder of a service that was killed while it served."""
    with folders.scratch() as folder:
        environment = Environment(folder / "data", model_folder, limits__min_free_bytes=0)
        assert steadyrag(environment, "ingest", "-", stdin='{"_id": "a", "text": "b"}').returncode == 0
        with serving(environment) as served:
            served.process.kill()
            served.wait()
        yield environment, folder / "data"
