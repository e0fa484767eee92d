from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from router.backends.openai import OpenAIBackend, request_body
from router.errors import (
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnavailable,
    ModelUnreachable,
    StreamBroken,
)
from router.ports import ChatBackend
from router.types import Chunk, Message, Prompt, Sampling, TokenUsage
from tests.contracts.chat_backend import PROMPT, ChatBackendContract, collect, text_of
from tests.router.backends.loopback import (
    DONE,
    event,
    lines,
    one_word_a_token,
    raw_server,
    scripted,
    serving,
    sse,
)

USAGE = {"prompt_tokens": 40, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 32}}
ANSWER = lines(
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    event("It is "),
    event("324 m"),
    event("", "stop"),
    {"choices": [], "usage": USAGE},
)


async def failure(backend: ChatBackend, *, timeout_s: float = 10.0) -> tuple[list[Chunk], ModelError]:
    """What came before the error, and the error."""
    chunks: list[Chunk] = []

    async def read() -> None:
        async with aclosing(backend.stream(PROMPT, timeout_s=timeout_s)) as stream:
            async for chunk in stream:
                chunks.append(chunk)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(ModelError) as raised:
        await read()
    return chunks, raised.value


class TestContract(ChatBackendContract):
    @pytest.fixture
    async def backend(self) -> AsyncIterator[ChatBackend]:
        async with serving(one_word_a_token) as backend:
            yield backend


async def test_the_server_is_told_of_the_trace() -> None:
    seen: list[web.Request] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        return await sse(request, ANSWER, DONE)

    context = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    async with serving(handler) as backend:
        await collect(backend, replace(PROMPT, trace_context=context))
        await collect(backend)
    assert [request.headers.get("traceparent") for request in seen] == [context["traceparent"], None]


async def test_the_request_is_what_openai_documents() -> None:
    seen: list[web.Request] = []
    bodies: list[Any] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        bodies.append(await request.json())
        return await sse(request, ANSWER, DONE)

    async with serving(handler) as backend:
        await collect(backend)
    assert seen[0].headers["Authorization"] == "Bearer secret"
    assert bodies == [
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Answer from the excerpts."},
                {"role": "user", "content": "How high is the Eiffel Tower?"},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]


def test_sampling_becomes_json_fields() -> None:
    sampling = Sampling(
        max_tokens=5, temperature=0.0, top_p=0.9, stop=("\n",), seed=0, extra={"top_k": 4, "model": "x", "seed": 3}
    )
    body = request_body("m", Prompt((Message("user", "q"),), "q", (), sampling))
    assert {key: body[key] for key in body.keys() - {"messages", "stream", "stream_options"}} == {
        "model": "m",
        "max_tokens": 5,
        "temperature": 0.0,
        "top_p": 0.9,
        "stop": ["\n"],
        "seed": 0,
        "top_k": 4,
    }


async def test_the_answer_is_passed_on_piece_by_piece() -> None:
    async with serving(scripted(ANSWER, DONE)) as backend:
        assert backend.name == "small"
        assert await collect(backend) == [
            Chunk("It is "),
            Chunk("324 m"),
            Chunk("", "stop"),
            Chunk("", usage=TokenUsage(40, 3, 32)),
        ]


async def test_a_piece_is_passed_on_before_the_next_one_is_made() -> None:
    more = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = await sse(request, lines(event("first ")))
        await more.wait()
        await response.write(lines(event("second", "stop")))
        return response

    async with serving(handler) as backend, aclosing(backend.stream(PROMPT, timeout_s=10)) as chunks:
        assert await anext(chunks) == Chunk("first ")
        more.set()
        assert await anext(chunks) == Chunk("second", "stop")


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_other_finish_reasons_pass_through(reason: str) -> None:
    async with serving(scripted(lines(event("cut", reason)), DONE)) as backend:
        assert [chunk.finish_reason for chunk in await collect(backend)] == [reason]


async def test_a_running_count_is_not_taken_for_the_usage() -> None:
    running = {"prompt_tokens": 40, "completion_tokens": 1}
    stream = lines(event("a", usage=running), event("b", "stop", usage={**USAGE, "prompt_tokens_details": None}))
    async with serving(scripted(stream)) as backend:
        assert await collect(backend) == [Chunk("a"), Chunk("b", "stop", TokenUsage(40, 3, 0))]


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "message"),
    [
        (429, {"Retry-After": "3"}, '{"error": {"message": "queue full"}}', ModelOverloaded, "HTTP 429: queue full"),
        (400, {}, '{"object": "error", "message": "too long"}', ModelRejected, "HTTP 400: too long"),
        (500, {}, "Internal Server Error", ModelUnavailable, "HTTP 500: Internal Server Error"),
        (302, {"Location": "/elsewhere"}, "", ModelUnavailable, "HTTP 302"),
    ],
)
async def test_refusals(status: int, headers: dict[str, str], body: str, kind: type[ModelError], message: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers=headers, text=body)

    async with serving(handler) as backend:
        chunks, error = await failure(backend)
    assert chunks == []
    assert type(error) is kind
    assert (error.message, error.model) == (message, "small")
    if isinstance(error, ModelOverloaded):
        assert error.retry_after_s == 3.0


async def test_an_endless_error_body_is_not_read_to_its_end() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=400)
        await response.prepare(request)
        while True:
            await response.write(b"no " * 10_000)

    async with serving(handler) as backend:
        _, error = await failure(backend)
    assert isinstance(error, ModelRejected)
    assert len(error.message) <= 500


BROKEN = {
    "malformed JSON": b"data: {\n\n",
    "no chunk": lines({"choices": [{"index": 0}]}),
    "no choices": lines({"hello": 1}),
    "not an object": lines([]),
    "choices of a wrong type": lines({"choices": 1}),
    "an error event": lines({"error": {"message": "engine died", "code": 500}}),
    "an error event with its name": b"event: error\n" + lines({"message": "engine died"}),
    "an unknown finish reason": lines(event("", "abort")),
    "the end without finish_reason": b"",
    "the end after [DONE] without finish_reason": DONE,
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
async def test_a_stream_that_goes_wrong(broken: bytes) -> None:
    async with serving(scripted(broken)) as backend:
        chunks, error = await failure(backend)
    assert chunks == []
    assert type(error) is ModelUnavailable

    async with serving(scripted(lines(event("It is ")), broken)) as backend:
        chunks, error = await failure(backend)
    assert chunks == [Chunk("It is ")]
    assert type(error) is StreamBroken


async def test_the_servers_error_is_told() -> None:
    async with serving(scripted(lines(event("a"), {"error": {"message": "engine died"}}))) as backend:
        _, error = await failure(backend)
    assert error.message.endswith("engine died")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
FIRST = lines(event("It is "))
CHUNKED = HEAD + b"%x\r\n%s\r\n" % (len(FIRST), FIRST)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (b"", ModelUnreachable),
        (b"HTTP/1.1 200", ModelUnreachable),
        (b"nonsense\r\n\r\n", ModelUnavailable),
        (HEAD, ModelUnavailable),
        (HEAD + b"no length\r\n", ModelUnavailable),
    ],
)
async def test_a_connection_that_ends_before_the_first_token(
    response: bytes, kind: type[ModelError], reset: bool
) -> None:
    async with raw_server(response, reset=reset) as backend:
        chunks, error = await failure(backend)
    assert chunks == []
    assert type(error) is kind


@pytest.mark.parametrize("rest", [b"", b"no length\r\n", b"5\r\ndat"])
async def test_a_connection_that_ends_after_the_first_token(rest: bytes) -> None:
    async with raw_server(CHUNKED + rest, reset=False) as backend:
        chunks, error = await failure(backend)
    assert chunks in ([Chunk("It is ")], [])
    assert type(error) is (StreamBroken if chunks else ModelUnavailable)


async def test_a_refused_port() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound but not listening
        backend = OpenAIBackend(f"http://127.0.0.1:{held.getsockname()[1]}/v1", "m")
        _, error = await failure(backend)
        await backend.aclose()
    assert type(error) is ModelUnreachable


@pytest.mark.parametrize("url", ["http://", "nonsense", "ftp://127.0.0.1/v1"])
async def test_a_wrong_address(url: str) -> None:
    backend = OpenAIBackend(url, "m")
    _, error = await failure(backend)
    await backend.aclose()
    assert type(error) is ModelUnavailable


async def stalled(request: web.Request, *parts: bytes) -> web.StreamResponse:
    await sse(request, *parts)
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("timeout_s", [0.2, 0.0, -1.0])
async def test_time_runs_out_before_the_first_token(timeout_s: float) -> None:
    async with serving(stalled) as backend:
        chunks, error = await failure(backend, timeout_s=timeout_s)
    assert chunks == []
    assert type(error) is ModelUnavailable


async def test_the_whole_generation_is_bounded_however_steadily_it_drips() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await sse(request)
        while True:
            await response.write(lines(event("drip ")))
            await asyncio.sleep(0.01)

    async with serving(handler) as backend:
        chunks, error = await failure(backend, timeout_s=0.3)
    assert chunks
    assert type(error) is StreamBroken


class Watched:
    """A handler that streams without end and tells when the client has gone."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def handler(self, request: web.Request) -> web.StreamResponse:
        try:
            return await stalled(request, lines(event("first ")))
        finally:
            self.gone.set()

    async def told(self) -> None:
        async with asyncio.timeout(2):
            await self.gone.wait()


async def test_closing_the_stream_closes_the_connection_at_once() -> None:
    watched = Watched()
    async with serving(watched.handler) as backend:
        stream = backend.stream(PROMPT, timeout_s=60)
        await anext(stream)
        assert not watched.gone.is_set()
        await stream.aclose()
        await watched.told()


async def test_cancelling_the_reader_closes_the_connection_at_once() -> None:
    watched = Watched()
    async with serving(watched.handler) as backend:
        stream = backend.stream(PROMPT, timeout_s=60)
        await anext(stream)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)  # it waits for the socket
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await watched.told()


async def test_connections_are_kept_for_the_next_request() -> None:
    ports: list[object] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        ports.append(request.transport.get_extra_info("peername"))
        return await sse(request, ANSWER, DONE)

    async with serving(handler) as backend:
        for _ in range(3):
            await collect(backend)
    assert len(ports) == 3
    assert len(set(ports)) == 1


async def test_a_session_handed_in_stays_open() -> None:
    async with serving(scripted(ANSWER, DONE)) as owner, aiohttp.ClientSession() as session:
        backend = OpenAIBackend(owner._base_url, "m", session=session)
        assert backend.name == "m"
        assert text_of(await collect(backend)) == "It is 324 m"
        await backend.aclose()
        assert not session.closed


async def test_a_closed_back_end_opens_again() -> None:
    async with serving(scripted(ANSWER, DONE)) as backend:
        first = await collect(backend)
        await backend.aclose()
        assert await collect(backend) == first
