from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from evals.load.queue_model import Service
from evals.load.stub_model import StubModel
from router.backends.health import ServerLoad, ask_server, load_of

#: As vLLM 0.32 writes it.
METRICS = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a {b} c"} 3.0
vllm:num_requests_running{engine="1",model_name="a {b} c"} 2.0
vllm:num_requests_waiting{engine="0",model_name="a {b} c"} 4.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="a {b} c",reason="capacity"} 9.0
vllm:kv_cache_usage_perc{engine="0",model_name="a {b} c"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="a {b} c"} 0.75
vllm:prefix_cache_queries_total{engine="0",model_name="a {b} c"} 1.2e+06
"""


def test_figures_of_several_engines_are_put_together() -> None:
    load = load_of(METRICS)
    assert load == ServerLoad(running=5, waiting=4, kv_use=0.75)
    assert load.requests == 9


def test_what_is_not_told_is_none_of_it() -> None:
    assert load_of("") == load_of("vllm:something_else 7") == ServerLoad()
    assert load_of("vllm:num_requests_waiting 7\n") == ServerLoad(waiting=7)


async def asked(base_url: str, timeout_s: float = 5.0) -> ServerLoad | None:
    async with aiohttp.ClientSession() as session:
        return await ask_server(session, base_url, timeout_s=timeout_s)


async def test_a_server_tells_what_it_has() -> None:
    async with StubModel(Service(slots=1)) as stub, aiohttp.ClientSession() as session:
        assert await asked(f"{stub.url}/v1/") == ServerLoad()
        stub.queue.stall(3_600)
        body = {"messages": [{"role": "user", "content": "x"}], "stream": True}
        calls = [asyncio.create_task(session.post(f"{stub.url}/v1/chat/completions", json=body)) for _ in range(3)]
        async with asyncio.timeout(30):
            while await asked(f"{stub.url}/v1") != ServerLoad(running=1, waiting=2):
                pass
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize(
    ("health", "metrics", "expected"),
    [
        ((200, ""), (200, METRICS), ServerLoad(5, 4, 0.75)),
        ((200, ""), (404, METRICS), ServerLoad()),
        ((404, ""), (200, "vllm:num_requests_running 2"), ServerLoad(2)),
        ((503, ""), (200, METRICS), None),
        ((200, ""), (200, "vllm:num_requests_running nonsense"), None),
    ],
    ids=["well", "no metrics", "no health", "not well", "figures that are none"],
)
async def test_what_servers_answer(
    health: tuple[int, str], metrics: tuple[int, str], expected: ServerLoad | None
) -> None:
    app = web.Application()
    for route, (status, text) in {"/health": health, "/metrics": metrics}.items():

        async def handler(_: web.Request, status: int = status, text: str = text) -> web.Response:
            return web.Response(status=status, text=text)

        app.router.add_get(route, handler)
    async with TestServer(app) as server:
        assert await asked(str(server.make_url("/v1"))) == expected


async def test_a_port_that_nobody_listens_on_and_one_that_nobody_answers_on() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        assert await asked(url) is None
        held.listen()
        assert await asked(url, timeout_s=0.1) is None
