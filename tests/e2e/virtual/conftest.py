"""Whole services in virtual time: nothing here waits, and every run is the same."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from rag.compose import compose
from rag.settings import load_settings
from rag.types import ANONYMOUS, Space
from tests.support import folders
from tests.support.corpus import DOCUMENTS
from tests.support.virtual_service import SHARDS, virtual_service, without_threads
from tests.support.virtual_time import VirtualTimeLoop


def pytest_asyncio_loop_factories(config, item):
    return {"virtual-time": VirtualTimeLoop}


@pytest.fixture(scope="session")
def corpus(model_folder):
    """A data folder with the corpus, to be copied: writing it takes real threads, and so real time."""
    with folders.scratch() as folder:
        settings = load_settings(
            data_dir=folder,
            cache_dir=model_folder.parent.parent,
            index={"shards": SHARDS},
            limits={"min_free_bytes": 0},
        )

        async def write():
            service = await compose(settings)
            await service.writer.put(Space(ANONYMOUS.tenant, "default"), DOCUMENTS)
            await service.aclose()

        asyncio.run(write())
        yield folder


@pytest.fixture
async def make(corpus, scratch, model_folder, monkeypatch):
    """A service over the corpus: `await make(timeout_s=3.0, resilience={...})`."""
    without_threads(monkeypatch)
    async with AsyncExitStack() as stack:

        async def make(**settings):
            data_dir = scratch / f"data-{len(list(scratch.iterdir()))}"
            folders.copied(corpus, data_dir)
            return await stack.enter_async_context(virtual_service(data_dir, model_folder, **settings))

        yield make
