import asyncio

import pytest

from rag.api import disconnect
from rag.api.disconnect import StopOnDisconnect
from rag.errors import ClientGone


class Client:
    """The receiving side of a connection: the client may send more, or go."""

    def __init__(self):
        self.messages = asyncio.Queue()
        self.asked = asyncio.Event()

    async def receive(self):
        self.asked.set()
        return await self.messages.get()

    def go(self):
        self.messages.put_nowait({"type": "http.disconnect"})


@pytest.fixture
def client():
    return Client()


@pytest.fixture(autouse=True)
def grace_s(monkeypatch):
    monkeypatch.setattr(disconnect, "GRACE_S", 0.0)


async def forever():
    await asyncio.Event().wait()


async def test_a_client_that_goes_stops_the_work(client):
    client.go()
    with pytest.raises(ClientGone), StopOnDisconnect(client.receive):
        await forever()
    assert asyncio.current_task().cancelling() == 0, "the task may go on"


async def test_the_work_is_told_by_cancellation(client):
    told = []
    with pytest.raises(ClientGone), StopOnDisconnect(client.receive):
        try:
            client.go()
            await forever()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise
    assert told == ["cancelled"]


async def test_other_messages_do_not(client):
    client.messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    with StopOnDisconnect(client.receive):
        await client.asked.wait()
        while not client.messages.empty():  # noqa: ASYNC110 - the watcher sets no event
            await asyncio.sleep(0)


async def test_work_that_ends_in_time_is_not_watched(client, monkeypatch):
    monkeypatch.setattr(disconnect, "GRACE_S", 60.0)
    client.go()
    with StopOnDisconnect(client.receive):
        await asyncio.sleep(0)
    assert not client.asked.is_set()


async def test_nothing_watches_after_the_block(client):
    with StopOnDisconnect(client.receive):
        await client.asked.wait()
    client.go()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not client.messages.empty()


async def test_an_error_of_the_work_stays_that_error(client):
    with pytest.raises(KeyError), StopOnDisconnect(client.receive):
        await client.asked.wait()
        raise KeyError


async def test_a_cancellation_from_elsewhere_stays_one(client):
    async def work():
        with StopOnDisconnect(client.receive):
            await forever()

    task = asyncio.create_task(work())
    await client.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
