"""Chat servers on the loopback interface that play a script."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from router.backends.openai import OpenAIBackend

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def event(content: str | None = None, finish_reason: str | None = None, **extra: object) -> dict[str, Any]:
    """A chat completion chunk as vLLM sends it."""
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}], **extra}


def lines(*events: object) -> bytes:
    return b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events)


DONE = b"data: [DONE]\n\n"


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[OpenAIBackend]:
    """A back end in front of a loopback server that answers with `handler`."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", handler)
    async with TestServer(app) as server:
        backend = OpenAIBackend(str(server.make_url("/v1/")), "m", name="small", api_key="secret")
        yield backend
        await backend.aclose()


async def sse(request: web.Request, *parts: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for part in parts:
        await response.write(part)
    return response


def scripted(*parts: bytes) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await sse(request, *parts)

    return handler


async def one_word_a_token(request: web.Request) -> web.StreamResponse:
    """A server that says one sentence, as many words of it as asked for."""
    words = ["The", "tower", "is", "324", "m", "high", "."]
    kept = words[: (await request.json()).get("max_tokens")]
    reason = "stop" if kept == words else "length"
    usage = {"prompt_tokens": 9, "completion_tokens": len(kept)}
    texts = [event(word + " ") for word in kept]
    return await sse(request, lines(*texts), lines(event("", reason), {"choices": [], "usage": usage}), DONE)


@asynccontextmanager
async def raw_server(response: bytes, *, reset: bool) -> AsyncIterator[OpenAIBackend]:
    """Sends these bytes whatever it is asked, then ends the connection, by a reset if so wanted."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await writer.drain()
        if reset:
            linger_0 = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_0)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        backend = OpenAIBackend(f"http://127.0.0.1:{port}/v1", "m")
        yield backend
        await backend.aclose()
