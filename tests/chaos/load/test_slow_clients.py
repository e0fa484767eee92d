import asyncio

from chaos.load import slow_clients
from chaos.load.slow_clients import SlowClients


async def test_they_ask_a_whole_question_piece_by_piece_and_read_the_answer(stub, until, monkeypatch):
    monkeypatch.setattr(slow_clients, "PAUSE_S", 0.0)
    crowd = SlowClients(stub.url)
    crowd.start(2)
    await until(lambda: len(stub.served) >= 4)
    await crowd.stop()
    assert {served.outcome for served in list(stub.served)[:2]} == {"done"}


async def test_they_come_again_when_they_are_turned_away(until, monkeypatch):
    monkeypatch.setattr(slow_clients, "PAUSE_S", 0.0)
    seen = []

    async def turn_away(_, writer):
        seen.append(writer)
        writer.transport.abort()

    server = await asyncio.start_server(turn_away, "127.0.0.1", 0)
    async with server:
        crowd = SlowClients(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        crowd.start(1)
        await until(lambda: len(seen) >= 3)
        await crowd.stop()
