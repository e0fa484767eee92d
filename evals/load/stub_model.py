"""A stub of an OpenAI-compatible model server, for tests and benches: `python -m evals.load.stub_model --port 0`.

It is not a model. It holds no weights, reads no prompt beyond counting its words, and repeats one fixed sentence; a
token is a word. Its times come from the queue in `queue_model` alone: prompt length, batch size and prefix cache
change nothing. So it shows what a service around a model does, never how fast a model is. The name that it reports
ends in `-stub`, whatever model was asked for.

Beside the API it serves `GET /stub/truth` (what it did to each request, by X-Request-Id: the reference that a load
generator's figures are held against) and `POST /stub/knobs` (other times, or a stall, while it runs).
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, Self

import orjson
import uvloop
from aiohttp import web

from evals.errors import BadRequest, QueueFull
from evals.load import stub_wire
from evals.load.queue_model import QueueModel, Service
from evals.load.stub_counters import Counters

DEFAULT_ANSWER = "This sentence stands in for a model [1]."

#: `Service` fields that may change while the stub runs.
KNOBS = frozenset(field.name for field in dataclasses.fields(Service)) - {"slots"}


@dataclass(slots=True)
class Served:
    """What the stub did to one request.

    Attributes:
        arrived_at: the stub's clock when the request's head had arrived, seconds.
        first_event_s: from there until the first content had been handed to the socket; None when nothing was.
        ended_s: from there until the request left the stub; None while it is there.
    """

    request_id: str
    arrived_at: float
    outcome: Literal["running", "done", "refused", "aborted"] = "running"
    first_event_s: float | None = None
    ended_s: float | None = None


class StubModel:
    """The server; `async with StubModel(...) as stub` runs it on a free port of the loopback.

    Args:
        service: slots, times and bounds.
        model: its name, to which `-stub` is added unless it ends so.
        answer: the sentence whose words it repeats, one an event.
        clock: seconds, the clock that the running loop sleeps by.

    Attributes:
        queue: the queue behind it, with `queue.stall()`.
        served: the latest requests, oldest first.
    """

    def __init__(
        self,
        service: Service | None = None,
        *,
        model: str = "model-stub",
        answer: str = DEFAULT_ANSWER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.queue = QueueModel(service or Service(), clock)
        self.model = model if model.endswith("-stub") else f"{model}-stub"
        self.served: deque[Served] = deque(maxlen=200_000)
        self.port = 0
        self._tokens = [f"{word} " for word in answer.split()]
        self._counters = Counters()
        self._clock = clock
        # Without handler_cancellation a client that leaves would hold its slot to the end.
        self._runner = web.AppRunner(self._app(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Listen on the loopback; port 0 takes a free one."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, backlog=4096).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the socket and what is still open on it."""
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/health", self._health)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/stub/truth", self._truth)
        app.router.add_post("/stub/knobs", self._knobs)
        return app

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        served = Served(request.headers.get("x-request-id", ""), self._clock())
        self.served.append(served)
        try:
            response = await self._answer(request, served)
        except BadRequest as error:
            served.outcome = "refused"
            return _error(400, str(error))
        except QueueFull:
            served.outcome = "refused"
            return _error(503, "every slot is busy and the line is full", {"Retry-After": "1"})
        else:
            served.outcome = "done"
            return response
        finally:
            served.ended_s = self._clock() - served.arrived_at
            if served.outcome == "running":
                served.outcome = "aborted"

    async def _answer(self, request: web.Request, served: Served) -> web.StreamResponse:
        chat = stub_wire.parse(await request.read())
        events = min(self.queue.service.events, chat.max_tokens or sys.maxsize)
        completion = stub_wire.Completion(
            f"chatcmpl-{served.request_id}", self.model, int(time.time()), self._tokens, events
        )
        async with aclosing(self.queue.serve(events)) as ticks:
            if chat.stream:
                return await self._stream(request, chat, completion, ticks, served)
            async for _ in ticks:
                pass
        served.first_event_s = self._clock() - served.arrived_at
        return _json(completion.whole(self._counters.count(chat.words, events)))

    async def _stream(
        self,
        request: web.Request,
        chat: stub_wire.ChatRequest,
        completion: stub_wire.Completion,
        ticks: AsyncGenerator[int, None],
        served: Served,
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        async for tick in ticks:
            if tick == 0:
                await response.prepare(request)
            await response.write(completion.event(tick))
            if tick == 0:
                served.first_event_s = self._clock() - served.arrived_at
        usage = self._counters.count(chat.words, completion.events)
        await response.write(completion.tail(usage if chat.include_usage else None))
        await response.write_eof()
        return response

    async def _models(self, _: web.Request) -> web.Response:
        return _json({"object": "list", "data": [{"id": self.model, "object": "model", "owned_by": "stub"}]})

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _metrics(self, _: web.Request) -> web.Response:
        text = self._counters.exposition(self.model, running=self.queue.running, waiting=self.queue.waiting)
        return web.Response(text=text)

    async def _truth(self, _: web.Request) -> web.Response:
        return _json([dataclasses.asdict(served) for served in self.served])

    async def _knobs(self, request: web.Request) -> web.Response:
        try:
            knobs = orjson.loads(await request.read())
            stall_s = float(knobs.pop("stall_s", 0.0))
            service = dataclasses.replace(self.queue.service, **knobs)
        except (ValueError, TypeError, AttributeError) as error:
            return _error(400, str(error))
        if knobs.keys() - KNOBS:
            return _error(400, f"knobs: stall_s, {', '.join(sorted(KNOBS))}")
        self.queue.service = service
        if stall_s:
            self.queue.stall(stall_s)
        return _json(dataclasses.asdict(service))


def _json(value: object) -> web.Response:
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    return web.Response(body=body, content_type="application/json")


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = stub_wire.error(status, message)
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


async def _serve(service: Service, *, model: str, port: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    stub = StubModel(service, model=model)
    await stub.start(port)
    sys.stdout.write(orjson.dumps({"port": stub.port, "url": stub.url, "model": stub.model}).decode() + "\n")
    sys.stdout.flush()
    await stopped.wait()
    await stub.stop()


def main() -> None:
    """Serve until SIGINT or SIGTERM; the first line on stdout is JSON with `port`, `url` and `model`."""
    parser = argparse.ArgumentParser("evals.load.stub_model", description="A stub model server; it is not a model.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--model", default="model-stub", help="-stub is added unless it ends so")
    for field in dataclasses.fields(Service):
        flag = f"--{field.name.replace('_', '-')}"
        parser.add_argument(flag, type=type(field.default), default=field.default, help="default %(default)s")
    options = vars(parser.parse_args())
    port, model = options.pop("port"), options.pop("model")
    uvloop.run(_serve(Service(**options), model=model, port=port))


if __name__ == "__main__":
    main()
