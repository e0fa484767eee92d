import asyncio
from dataclasses import dataclass, field

import pytest
import uvloop

from chaos.proxy.address import parse
from chaos.proxy.server import Server

#: Their sockets' ends differ between asyncio's loop and the one that the command runs on.
ON_BOTH_LOOPS = {"test_proxy.py", "test_server.py"}


def pytest_asyncio_loop_factories(config, item):
    """The loops that a test runs on, once each."""
    loops = {"asyncio": asyncio.new_event_loop}
    return loops | ({"uvloop": uvloop.new_event_loop} if item.path.name in ON_BOTH_LOOPS else {})


@dataclass
class EchoServer:
    """Sends back what it is sent.

    Attributes:
        ended: how each connection ended: "end" or the error's name.
    """

    address: str = ""
    ended: list = field(default_factory=list)

    async def __call__(self, reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            self.ended.append("end")
        except OSError as error:
            self.ended.append(type(error).__name__)
        finally:
            writer.close()


@pytest.fixture
async def echo():
    """A server behind the proxies."""
    echo = EchoServer()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    echo.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield echo
    server.close()


@pytest.fixture
async def server():
    """A fault proxy server in this process."""
    async with Server(seed=1) as running:
        yield running


@pytest.fixture
def connect():
    """Opens connections that are closed at the end: (reader, writer)."""
    opened = []

    async def open_one(address):
        reader, writer = await asyncio.open_connection(*parse(address))
        opened.append(writer)
        return reader, writer

    yield open_one
    for writer in opened:
        writer.transport.abort()


@pytest.fixture
def exchange(connect):
    """What comes back for some bytes over a connection of its own."""

    async def ask(address, data=b"ping"):
        reader, writer = await connect(address)
        writer.write(data)
        writer.write_eof()
        return await reader.read()

    return ask
