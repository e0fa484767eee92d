"""An ASGI application over a real socket on loopback, in the loop of the test."""

import asyncio
import contextlib
import socket

import aiohttp
import uvicorn


class _Server(uvicorn.Server):
    capture_signals = staticmethod(contextlib.nullcontext)  # signals belong to pytest


@contextlib.asynccontextmanager
async def client_of(app):
    """A client of the application while the block runs: `async with client.post("/v1/search", json={...})`."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(app, lifespan="on", ws="none", log_config=None, access_log=False)
        server = _Server(config)
        running = asyncio.create_task(server.serve([listener]))
        try:
            # shorter than the server's: the loop may have stood still since the last request
            connector = aiohttp.TCPConnector(keepalive_timeout=1)
            async with aiohttp.ClientSession(url, connector=connector) as client:
                yield client
        finally:
            server.should_exit = True
            await running
