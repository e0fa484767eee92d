import asyncio
import socket

import aiohttp
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.responses import Response

from rag.api.door import Door
from rag.api.server import SECURITY_HEADERS, Server
from rag.telemetry.metrics import Metrics


def make_app(begun, go_on):
    app = FastAPI()
    app.state.draining = False
    app.add_middleware(Door, metrics=Metrics(), draining=lambda: app.state.draining)

    @app.get("/")
    async def root():
        return Response("here")

    @app.get("/defect")
    async def defect():
        raise ZeroDivisionError

    @app.get("/slow")
    async def slow():
        begun.set()
        await go_on.wait()
        return Response("done")

    return app


@pytest.fixture
async def running():
    """A server, its URL, and two events: a slow request has begun, and may go on."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = Server(uvicorn.Config(make_app(begun, go_on), log_config=None, access_log=False))
        task = asyncio.create_task(server.serve([listener]))
        yield server, f"http://127.0.0.1:{listener.getsockname()[1]}", begun, go_on
        server.should_exit = server.force_exit = True
        await task


async def test_who_keeps_a_connection_is_answered_and_told_that_it_ends(running):
    server, url, *_ = running
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=1)) as http:
        async with http.get("/") as response:
            assert "close" not in response.headers.get("connection", "")
        server.drain()
        async with http.get("/") as response:
            assert (response.status, response.headers["connection"]) == (200, "close")
    assert not server.force_exit


async def test_every_answer_bears_the_headers_of_security_once(running):
    _, url, *_ = running
    async with aiohttp.ClientSession(url) as http:
        for path, status in {"/": 200, "/docs": 200, "/nowhere": 404, "/defect": 500}.items():
            async with http.get(path) as response:
                assert response.status == status
                for name, value in SECURITY_HEADERS:
                    assert response.headers.getall(name) == [value]


async def test_what_runs_is_finished_and_nobody_new_comes_in(running):
    server, url, begun, go_on = running
    async with aiohttp.ClientSession(url) as http, aiohttp.ClientSession(url) as late:
        slow = asyncio.create_task(http.get("/slow"))
        await begun.wait()
        server.drain()
        with pytest.raises(aiohttp.ClientConnectorError):
            while True:
                async with late.get("/"):
                    pass
        go_on.set()
        async with await slow as response:
            assert await response.text() == "done"
