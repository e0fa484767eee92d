"""Two services over one log in Redis: what one takes in the other holds, and a job is done when both do."""

import signal

import aiohttp
import pytest

from tests.support import folders
from tests.support.jobs import accepted, add, finished
from tests.support.processes import Environment, serving
from tests.support.redis_server import running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def environment(redis, model_folder):
    """Settings of a replica with a folder of its own: `environment("a")`."""
    redis.empty()
    with folders.scratch() as folder:
        yield lambda name: Environment(
            folder / name, model_folder, limits__min_free_bytes=0, index__shards=1, log__url=redis.url
        )


async def document(http, key):
    async with http.get(f"/v1/documents/{key}") as response:
        return response.status, await response.json()


async def search(http, query):
    async with http.post("/v1/search", json={"query": query}) as response:
        return response.status, await response.json()


async def test_what_one_takes_in_the_other_has_when_the_job_is_done(environment):
    with serving(environment("a")) as first, serving(environment("b")) as second:
        async with aiohttp.ClientSession(first.url) as one, aiohttp.ClientSession(second.url) as other:
            for n in range(5):
                job = await accepted(one, {"documents": [{"id": "a", "text": f"Version {n} of the text."}]})
                async with other.get(f"/v1/jobs/{job['id']}") as response:
                    assert response.status == 200
                assert (await finished(other, job))["status"] == "done"
                _, found = await document(other, "a")
                assert found["passages"][0]["text"] == f"Version {n} of the text."
                _, found = await search(other, f"version {n}")
                assert f"Version {n}" in found["results"][0]["text"]


async def test_a_replica_that_starts_later_catches_up_and_again_after_it_was_ended(environment):
    with serving(environment("a")) as first:
        async with aiohttp.ClientSession(first.url) as http:
            await add(http, "default", ("a", "Bees make honey."), ("b", "Wasps do not."))
        for _ in range(2):
            with serving(environment("b")) as second:
                async with aiohttp.ClientSession(second.url) as http:
                    assert (await document(http, "b"))[0] == 200


async def test_a_job_outlives_the_replica_that_took_it(environment):
    with serving(environment("a")) as first:
        async with aiohttp.ClientSession(first.url) as http:
            documents = [{"id": f"d{n}", "text": f"Text number {n}."} for n in range(300)]
            job = await accepted(http, {"documents": documents})
        first.process.kill()
        assert first.wait() == -signal.SIGKILL
    with serving(environment("a")) as again:
        async with aiohttp.ClientSession(again.url) as http:
            job = await finished(http, job)
            assert (job["status"], job["done"], job["failures"]) == ("done", 300, [])


async def test_without_redis_a_replica_does_not_answer_and_with_it_it_does_again(environment, redis):
    with serving(environment("a")) as served:
        async with aiohttp.ClientSession(served.url) as http:
            await add(http, "default", ("a", "Bees make honey."))
            redis.process.send_signal(signal.SIGSTOP)
            try:
                while (answer := await search(http, "bees"))[0] == 200:
                    pass
                assert (answer[0], answer[1]["code"]) == (503, "dependency_failed")
            finally:
                redis.process.send_signal(signal.SIGCONT)
            while (answer := await search(http, "bees"))[0] == 503:
                pass
            assert answer[1]["results"][0]["document_id"] == "a"
