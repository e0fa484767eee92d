"""The whole service on two real models: what a caller sees when one of them dies, hangs, or has to be waited for."""

import asyncio
import json
import signal
import statistics
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from tests.support.chat import ROUTE, chat_body
from tests.support.processes import serving

QUESTION = "What does a breaker do while it is open?"
AT_ONCE = 4


@dataclass
class Reply:
    """What a caller got; `failed` says how it ended, if not well."""

    status: int = 0
    model: str = ""
    degraded: tuple[str, ...] = ()
    text: str = ""
    usage: dict | None = None
    failed: str = ""

    @property
    def labelled(self):
        """Whether an answer of another model than the one asked for says so."""
        return self.model == "large" or self.degraded in {("model-fallback:small",), ("extractive-fallback",)}


def body(model="large", max_tokens=16, **extras):
    asked = chat_body(QUESTION, stream=True, usage=True, cache="no-store", **extras)
    return asked | {"model": f"steadyrag-{model}", "max_tokens": max_tokens}


@asynccontextmanager
async def client(service):
    async with aiohttp.ClientSession(service.url, timeout=aiohttp.ClientTimeout(total=90)) as http:
        yield http


async def ask(http, **fields):
    """A streamed answer, read to its end."""
    reply = Reply()
    async with http.post(ROUTE, json=body(**fields)) as response:
        reply.status = response.status
        if response.status != 200:
            reply.failed = await response.text()
            return reply
        async for line in response.content:
            take(reply, line)
    return reply


def take(reply, line):
    """What one line of the stream adds."""
    if not line.startswith(b"data: {"):
        return
    event = json.loads(line[6:])
    reply.failed = json.dumps(event["error"]) if "error" in event else reply.failed
    for choice in event.get("choices", ()):
        reply.text += choice["delta"].get("content") or ""
    reply.usage = event.get("usage") or reply.usage
    if "steadyrag" in event:
        reply.degraded = tuple(event["steadyrag"]["degraded"])
        reply.model = event["steadyrag"]["route"]["model"]


async def back_to(http, model, within_s):
    """Ask for the model until it is the one that answers; seconds that it took."""
    began = time.monotonic()
    while (await ask(http, model=model)).model != model:
        assert time.monotonic() - began < within_s
        await asyncio.sleep(0.1)
    return time.monotonic() - began


async def test_an_answer_is_streamed_with_usage_and_the_second_finds_the_prefix(service, large):
    async with client(service) as http:
        replies = [await ask(http, max_tokens=40) for _ in range(2)]
    for reply in replies:
        assert (reply.status, reply.failed, reply.model, reply.degraded) == (200, "", "large", ())
        assert reply.usage["completion_tokens"] <= 40
    cached = replies[1].usage["prompt_tokens_details"]["cached_tokens"]
    assert cached > 0.8 * replies[1].usage["prompt_tokens"]


async def test_a_caller_who_leaves_frees_the_place_on_the_server(service, large):
    async with client(service) as http:
        freed_s = []
        for _ in range(5):
            async with http.post(ROUTE, json=body(max_tokens=2_500)) as response:
                while b"content" not in await response.content.readline():
                    pass
                await large.works_on(1)
                response.close()
            freed_s.append(await large.works_on(0))
    print(f"freed after {[round(each * 1e3) for each in freed_s]} ms")
    assert statistics.median(freed_s) < 0.2


async def test_a_model_that_is_killed_under_load_costs_no_request_that_had_no_token(service, large):
    replies, stop = [], asyncio.Event()

    async def load(http):
        while not stop.is_set():
            replies.append(await ask(http))

    async with client(service) as http:
        async with asyncio.TaskGroup() as callers:
            for _ in range(AT_ONCE):
                callers.create_task(load(http))
            await asyncio.sleep(2)
            before = len(replies)
            large.kill()
            await asyncio.sleep(5)
            stop.set()
        after = replies[before:]
        await asyncio.to_thread(large.restore)
        back_s = await back_to(http, "large", within_s=30)
    print(f"{before} answers before, {len(after)} after, back after {back_s:.1f} s")
    assert before
    assert len(after) > AT_ONCE
    assert {reply.model for reply in replies[:before]} == {"large"}
    assert [reply for reply in replies if reply.failed and not reply.text] == []
    assert all(reply.labelled for reply in replies if not reply.failed)
    assert {reply.model for reply in after[-AT_ONCE:]} == {"small"}
    assert back_s < 5


async def test_a_model_that_hangs_is_not_waited_for(service, large):
    async with client(service) as http:
        assert (await ask(http)).model == "large"
        large.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            first = await ask(http)
            first_s = time.monotonic() - began
            began = time.monotonic()
            second = await ask(http)
            second_s = time.monotonic() - began
        finally:
            large.signal(signal.SIGCONT)
        back_s = await back_to(http, "large", within_s=30)
    print(f"first answer after {first_s:.1f} s, second after {second_s:.1f} s, back after {back_s:.1f} s")
    for reply in (first, second):
        assert (reply.model, reply.degraded, reply.failed) == ("small", ("model-fallback:small",), "")
    assert first_s < 8
    assert second_s < 2
    assert back_s < 5


async def test_without_any_model_sentences_are_quoted_and_it_is_said(service, large, small):
    async with client(service) as http:
        for server in (large, small):
            server.signal(signal.SIGSTOP)
        try:
            reply = await ask(http)
        finally:
            for server in (large, small):
                server.signal(signal.SIGCONT)
        assert reply.degraded == ("extractive-fallback",)
        assert reply.text
        for model in ("large", "small"):
            await back_to(http, model, within_s=30)


async def test_a_follow_up_is_put_into_words_by_the_small_model(service, large, small):
    turns = ("What is a breaker?", "A breaker opens when calls fail. [1]", "And when does it close?")
    asked = chat_body(*turns, cache="no-store") | {"model": "steadyrag-large", "max_tokens": 8}
    before = small.figure("request_success_total")
    async with client(service) as http, http.post(ROUTE, json=asked) as response:
        reply = (await response.json())["steadyrag"]
    assert small.figure("request_success_total") > before
    assert "contextualize" in reply["timings_ms"]
    assert set(reply["degraded"]) <= {"contextualize-skipped"}, "what a random model says may be no question"


async def test_at_shutdown_what_runs_is_finished_and_nothing_is_left_on_the_server(service, large):
    with serving(service.environment | {"STEADYRAG_DATA_DIR": service.environment["STEADYRAG_DATA_DIR"] + "-2"}) as own:
        async with client(own) as http, http.post(ROUTE, json=body(max_tokens=400, timeout_s=60)) as response:
            lines = [await response.content.readline()]
            own.signal()
            lines += [line async for line in response.content]
        assert b"data: [DONE]\n" in lines
        assert await asyncio.to_thread(own.wait) == 0, own.said
    assert await large.running() == 0
