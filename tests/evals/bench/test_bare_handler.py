import json

import pytest

from evals.bench.bare_handler import create_app
from tests.support.chat import ROUTE, chat_body
from tests.support.web import client_of

ANSWER = {"choices": [{"message": {"content": "ü"}}]}


@pytest.fixture
async def http():
    async with client_of(create_app(ANSWER)) as client:
        yield client


async def test_it_answers_the_same_to_every_good_request(http):
    async with http.post(ROUTE, json=chat_body("What?")) as response:
        assert (response.status, await response.json()) == (200, ANSWER)


async def test_it_reads_the_body_as_the_service_does(http):
    async with http.post(ROUTE, json=chat_body("What?") | {"temperature": 9}) as response:
        assert response.status == 422


async def test_it_streams_the_same_as_events(http):
    async with http.post("/stream", json=chat_body("What?")) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        *chunks, done = (await response.text()).strip().split("\n\n")
    said = [json.loads(chunk.removeprefix("data: "))["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("content", "") for delta in said) == "ü"
    assert done == "data: [DONE]"


async def test_it_is_ready(http):
    async with http.get("/ready") as response:
        assert response.status == 200
