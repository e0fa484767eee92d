"""A whole service in virtual time: its real parts, with their threads' work done at once, asked over HTTP.

Waiting takes no time, so that a test can let a shard hang, and see to the millisecond what a request waited for.
"""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from rag.api.app import create_app
from rag.compose import Service, compose
from rag.settings import load_settings
from rag.telemetry.metrics import Metrics
from router.types import Chunk, TokenUsage
from tests.support.chat import ROUTE, Stream, chat_body
from tests.support.corpus import QUESTION
from tests.support.seams import Seams
from tests.support.virtual_time import LoopClock

SHARDS = 2
#: Two models of which none is ever called over the network: `Says` stands in for them.
MODELS = {"small": "http://127.0.0.1:9/v1#small", "large": "http://127.0.0.1:9/v1#large"}


def at_once(_pool, work, *args, **kwargs):
    """Stands in for `ThreadPoolExecutor.submit`: virtual time would run on while a thread works."""
    future = Future()
    try:
        future.set_result(work(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - handed to the caller, as an executor does
        future.set_exception(error)
    return future


def without_threads(monkeypatch):
    """Have the work of all thread pools done at once."""
    monkeypatch.setattr(ThreadPoolExecutor, "submit", at_once)


class Says:
    """A model that says one thing."""

    def __init__(self, name):
        self.name = name

    async def stream(self, prompt, *, timeout_s):
        yield Chunk("It is 330 metres ")
        yield Chunk("tall. [1]", "stop", TokenUsage(90, 7))

    async def aclose(self):
        pass


@dataclass
class Reply:
    """What a caller got, and how many seconds it waited."""

    status: int
    headers: httpx.Headers
    body: dict
    took_s: float

    @property
    def degraded(self):
        return self.body["steadyrag"]["degraded"] if "steadyrag" in self.body else self.body["degraded"]


@dataclass
class VirtualService:
    """A composed service with its seams and a client."""

    service: Service
    seams: Seams
    http: httpx.AsyncClient

    async def ask(self, *, model="steadyrag", headers=None, **extras):
        """An answer that is computed, whatever was asked before."""
        body = chat_body(QUESTION, **{"cache": "no-store", **extras}) | {"model": model}
        return await self._post(ROUTE, body, headers)

    async def search(self, *, headers=None, **fields):
        return await self._post("/v1/search", {"query": QUESTION, **fields}, headers)

    async def stream(self, **extras):
        """The events of a streamed answer."""
        response = await self.http.post(ROUTE, json=chat_body(QUESTION, stream=True, cache="no-store", **extras))
        return Stream.parse(response.content)

    async def _post(self, route, body, headers):
        loop = asyncio.get_running_loop()
        start = loop.time()
        response = await self.http.post(route, json=body, headers=headers)
        return Reply(response.status_code, response.headers, response.json(), loop.time() - start)

    def mend(self):
        """Everything works, and no breaker remembers that it did not."""
        self.seams.mend()
        for breaker in self.service.guards.breakers():
            self.service.guards.force(breaker.name, "closed", 0)


@asynccontextmanager
async def virtual_service(data_dir, model_folder, **settings):
    """A service over a folder that holds the corpus in `SHARDS` shards."""
    defaults = {
        "index": {"shards": SHARDS},
        "limits": {"min_free_bytes": 0},
        "models": MODELS,
        "retrieval": {"hot_entries": 0},  # every request reaches every part
    }
    sections = defaults | settings
    loaded = load_settings(data_dir=data_dir, cache_dir=model_folder.parent.parent, **sections)
    seams = Seams({f"model:{name}": Says(name) for name in MODELS} if sections["models"] is MODELS else None)
    service = await compose(loaded, wrap=seams.wrap, clock=LoopClock())
    transport = httpx.ASGITransport(create_app(service, Metrics()), raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://virtual", timeout=None) as http:
            yield VirtualService(service, seams, http)
    finally:
        await service.aclose()
