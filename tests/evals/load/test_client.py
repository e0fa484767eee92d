import asyncio

import orjson
import pytest
from aiohttp import web

from evals.errors import CannotMeasure
from evals.load.client import ChatClient, parse_url
from evals.load.queue_model import Service
from evals.load.records import Shot
from evals.load.reply import Reply
from evals.load.stub_model import StubModel

FAST = Service(service_time_s=0.001, itl_s=0.001, events=4)
SHOT = Shot(0.0, "why?", request_id="r1")


async def ask(url, shot=SHOT, **options):
    reply = Reply()
    async with ChatClient(url, **options) as client:
        await client.ask(shot, reply)
    return reply


@pytest.mark.parametrize(("stream", "contents"), [(True, 4), (False, 1)])
@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_an_answer_has_its_times(stream, contents, path):
    async with StubModel(FAST) as stub:
        reply = await ask(stub.url + path, stream=stream)
    assert (reply.error, reply.status, reply.model) == (None, 200, "model-stub")
    assert (len(reply.content_at), reply.completion_tokens) == (contents, 4)
    assert reply.content_at == sorted(reply.content_at)
    assert stub.served[0].request_id == "r1"


async def test_max_tokens_bounds_the_answer():
    async with StubModel(FAST) as stub:
        reply = await ask(stub.url, Shot(0.0, "why?", max_tokens=2))
    assert reply.completion_tokens == len(reply.content_at) == 2


async def test_a_full_server_is_an_http_error_with_retry_after(until):
    async with (
        StubModel(Service(slots=1, queue_limit=0, events=1, service_time_s=30)) as stub,
        ChatClient(stub.url) as client,
    ):
        first = asyncio.create_task(client.ask(SHOT, Reply()))
        await until(lambda: stub.queue.running)
        reply = await ask(stub.url)
        first.cancel()
    assert (reply.status, reply.error, reply.retry_after) == (503, "http_503", "1")


async def test_a_late_answer_is_a_timeout():
    async with StubModel(Service(service_time_s=30)) as stub:
        reply = await ask(stub.url, timeout_s=0.02)
    assert (reply.error, reply.status, reply.content_at) == ("timeout", None, [])
    assert reply.ended_at > 0


async def test_nobody_there(unused_tcp_port):
    url = f"http://127.0.0.1:{unused_tcp_port}"
    assert (await ask(url)).error == "unreachable"
    async with ChatClient(url) as client:
        with pytest.raises(CannotMeasure, match=f"nothing answers at {url}"):
            await client.check()


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"", "disconnect"),
        (b"SSH-2.0-x\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\ndata: 1", "disconnect"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {}\n\n", "incomplete"),
        (b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "http_307"),
    ],
)
async def test_servers_that_break_off(sent, error):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert (await ask(f"http://127.0.0.1:{port}")).error == error


async def test_the_request_as_the_server_sees_it():
    seen = {}

    async def chat(request):
        seen.update(headers=request.headers.copy(), body=orjson.loads(await request.read()))
        return web.Response(status=429)

    app = web.Application()
    app.router.add_post("/base/v1/chat/completions", chat)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/base"
    await ask(url, model="m", api_key="k", extra={"steadyrag": {"priority": "batch"}})
    await runner.cleanup()
    assert seen["body"] == {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "steadyrag": {"priority": "batch"},
        "messages": [{"role": "user", "content": "why?"}],
    }
    headers = {name: seen["headers"][name] for name in ("Authorization", "X-Request-Id", "Accept-Encoding")}
    assert headers == {"Authorization": "Bearer k", "X-Request-Id": "r1", "Accept-Encoding": "identity"}


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://h/", "http://", "http://[::1", "http://h:x/", "/v1"])
def test_other_urls_are_refused(url):
    with pytest.raises(CannotMeasure, match="URL"):
        parse_url(url)
