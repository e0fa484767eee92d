"""One service for all tests that only ask; `make_service` for those that bend a part of it."""

from contextlib import AsyncExitStack

import pytest_asyncio

from rag.api.app import create_app
from rag.compose import compose
from rag.settings import load_settings
from rag.telemetry.metrics import Metrics
from rag.types import ANONYMOUS, Space
from tests.support import folders
from tests.support.corpus import DOCUMENTS
from tests.support.web import client_of

DEFAULT = Space(ANONYMOUS.tenant, "default")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(model_folder, metrics):
    """Two shards with the corpus in the collection "default"; tests write to collections of their own."""
    with folders.scratch() as folder:
        composed = await compose(
            load_settings(
                data_dir=folder,
                cache_dir=model_folder.parent.parent,
                index={"shards": 2},
                limits={"min_free_bytes": 0},
            ),
            observe=metrics.answer,
        )
        await composed.writer.put(DEFAULT, DOCUMENTS)
        yield composed
        await composed.aclose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def metrics():
    return Metrics()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def http(service, metrics):
    """A client of the service."""
    async with client_of(create_app(service, metrics)) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def make_service(scratch, model_folder):
    """A service over an index of its own: `await make_service(wrap=..., clock=..., timeout_s=...)`."""
    async with AsyncExitStack() as stack:

        async def make(documents=DOCUMENTS, *, wrap=lambda _seam, adapter: adapter, clock=None, **settings):
            values = {"index": {"shards": 1}, "limits": {"min_free_bytes": 0}} | settings
            settings = load_settings(data_dir=scratch / "data", cache_dir=model_folder.parent.parent, **values)
            composed = await compose(settings, wrap=wrap, clock=clock)
            stack.push_async_callback(composed.aclose)
            if documents:
                await composed.writer.put(DEFAULT, documents)
            return composed

        yield make


@pytest_asyncio.fixture(loop_scope="session")
async def client():
    """A client of a made service: `await client(service)`."""
    async with AsyncExitStack() as stack:

        async def make(service):
            return await stack.enter_async_context(client_of(create_app(service, Metrics())))

        yield make
