import asyncio

import pytest
from aiohttp import web

from evals.bench.hammer import hammer


class Server:
    """Keeps what it is sent, and answers 500 once it is sent `break`."""

    def __init__(self):
        self.bodies = []
        self.port = 0

    async def answer(self, request):
        self.bodies.append(await request.read())
        return web.Response(body=b"x" * 70_000, status=500 if self.bodies[-1] == b"break" else 200)


@pytest.fixture
async def server():
    app, server = web.Application(), Server()
    app.router.add_post("/hit", server.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()


async def test_every_answer_counts_once(server):
    rps = await asyncio.to_thread(hammer, server.port, "/hit", b"body", 3, 0.2)
    assert set(server.bodies) == {b"body"}
    assert rps <= len(server.bodies) / 0.2
    assert rps > 0


async def test_an_answer_that_is_not_good_is_not_counted(server):
    with pytest.raises(RuntimeError, match="500"):
        await asyncio.to_thread(hammer, server.port, "/hit", b"break", 1, 0.2)
