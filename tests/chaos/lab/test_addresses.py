import asyncio
import socket

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from chaos.lab.addresses import FROM, HOST, TO, accepts, free_ports, is_well, says
from tests.support.web import client_of


@pytest.fixture
async def parrot():
    """The port of a server that says everything again."""

    async def repeat(reader, writer):
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(repeat, HOST)
    yield server.sockets[0].getsockname()[1]
    server.close()


def test_ports_are_different_free_and_none_of_those_that_callers_get():
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert all(FROM <= port < TO for port in ports)
    for port in ports:
        with socket.socket() as probe:
            probe.bind((HOST, port))


async def test_accepts(parrot):
    (nobody,) = free_ports(1)
    assert await accepts(parrot)
    assert not await accepts(nobody)


async def test_says(parrot):
    assert await says(parrot, b"PING", b"PING")
    assert not await says(parrot, b"PING", b"PONG")
    (nobody,) = free_ports(1)
    assert not await says(nobody, b"PING", b"PING")


async def test_is_well():
    async def answer(request):
        return Response(status_code=int(request.query_params["status"]))

    async with client_of(Starlette(routes=[Route("/health", answer)])) as client:
        url = str(client._base_url)
        assert await is_well(f"{url}/health?status=200")
        assert not await is_well(f"{url}/health?status=503")
    (nobody,) = free_ports(1)
    assert not await is_well(f"http://{HOST}:{nobody}/health")
