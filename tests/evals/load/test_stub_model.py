import asyncio
import json
import subprocess
import sys

import aiohttp
import openai
import pytest

from evals.load.queue_model import Service
from evals.load.stub_model import StubModel

FAST = Service(service_time_s=0.0, itl_s=0.0, events=3)
CHAT = {"model": "any", "messages": [{"role": "user", "content": "why?"}]}


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


async def test_the_unmodified_openai_client_reads_it():
    async with (
        StubModel(FAST, answer="one two") as stub,
        openai.AsyncOpenAI(base_url=f"{stub.url}/v1", api_key="k") as client,
    ):
        whole = await client.chat.completions.create(**CHAT)
        stream = await client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True})
        chunks = [chunk async for chunk in stream]
        models = await client.models.list()
    assert whole.choices[0].message.content == "one two one "
    assert "".join(chunk.choices[0].delta.content for chunk in chunks[:-1]) == "one two one "
    assert whole.usage == chunks[-1].usage
    assert whole.usage.completion_tokens == 3
    assert [model.id for model in models.data] == [whole.model]


@pytest.mark.parametrize(("name", "reported"), [("llama", "llama-stub"), ("llama-stub", "llama-stub")])
async def test_it_says_that_it_is_a_stub(name, reported):
    assert StubModel(model=name).model == reported


async def test_metrics_show_the_queue_while_it_works(http, until):
    async with StubModel(Service(slots=1, service_time_s=30)) as stub:
        asking = [asyncio.create_task(http.post(f"{stub.url}/v1/chat/completions", json=CHAT)) for _ in range(3)]
        await until(lambda: stub.queue.waiting == 2)
        async with http.get(f"{stub.url}/metrics") as response:
            text = await response.text()
        for task in asking:
            task.cancel()
    assert 'vllm:num_requests_running{model_name="model-stub"} 1\n' in text
    assert 'vllm:num_requests_waiting{model_name="model-stub"} 2\n' in text


async def test_a_client_that_leaves_frees_its_slot(http, until):
    async with StubModel(Service(slots=1, service_time_s=0.0, itl_s=30, events=2)) as stub:
        async with http.post(f"{stub.url}/v1/chat/completions", json=CHAT | {"stream": True}) as response:
            await response.content.readuntil(b"\n\n")
            assert stub.queue.running == 1
            response.close()
        await until(lambda: not stub.queue.running)
        (served,) = stub.served
    assert (served.outcome, served.first_event_s >= 0) == ("aborted", True)


async def test_the_truth_is_told_by_request_id(http):
    async with StubModel(Service(service_time_s=0.01, itl_s=0.0, slots=1, queue_limit=0, events=1)) as stub:
        url = f"{stub.url}/v1/chat/completions"
        for number, body in enumerate((CHAT, {})):
            async with http.post(url, json=body, headers={"X-Request-Id": f"r{number}"}) as response:
                await response.read()
        async with http.get(f"{stub.url}/stub/truth") as response:
            done, refused = await response.json()
    assert (done["request_id"], done["outcome"]) == ("r0", "done")
    assert 0.01 <= done["first_event_s"] <= done["ended_s"]
    assert (refused["request_id"], refused["outcome"], refused["first_event_s"]) == ("r1", "refused", None)


async def test_knobs_turn_while_it_runs(http):
    async with StubModel(FAST) as stub:
        knobs = f"{stub.url}/stub/knobs"
        async with http.post(knobs, json={"added_ttft_s": 0.02, "events": 1}) as response:
            assert (await response.json())["added_ttft_s"] == 0.02
        async with http.post(f"{stub.url}/v1/chat/completions", json=CHAT) as response:
            assert (await response.json())["usage"]["completion_tokens"] == 1
        async with http.post(knobs, json={"stall_s": 0.05}) as response:
            assert response.status == 200
        async with http.post(f"{stub.url}/v1/chat/completions", json=CHAT | {"stream": True}) as response:
            await response.read()
    slowed, stalled = stub.served
    assert slowed.first_event_s >= 0.02
    assert stalled.first_event_s > slowed.first_event_s


@pytest.mark.parametrize("knobs", ['{"slots": 3}', '{"nope": 1}', "[]", "x", '{"stall_s": "x"}'])
async def test_unknown_knobs_are_refused_and_change_nothing(http, knobs):
    async with StubModel(FAST) as stub:
        async with http.post(f"{stub.url}/stub/knobs", data=knobs) as response:
            assert response.status == 400
        assert stub.queue.service == FAST
        async with http.get(f"{stub.url}/health") as response:
            assert response.status == 200


def test_as_a_command_it_prints_where_it_listens_and_ends_on_sigterm():
    command = [sys.executable, "-m", "evals.load.stub_model", "--port", "0", "--service-time-s", "0.5", "--slots", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        first = json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(timeout=10) == 0
    assert first == {"port": first["port"], "url": f"http://127.0.0.1:{first['port']}", "model": "model-stub"}
    assert first["port"] > 0
