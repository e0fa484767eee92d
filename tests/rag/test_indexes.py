"""What they serve is tested through `rag.compose`; here, what they refuse."""

import sys
from contextlib import AsyncExitStack

import pytest

from chaos.lab.qdrant.server import VERSION, serving
from rag.errors import ConfigError
from rag.indexes import dense_index, lexical_index, qdrant_version
from rag.settings import load_settings
from rag.storage.folder import DataFolder

CLUSTER = {"url": "qdrant://localhost"}


async def lexical(settings, pool):
    async with AsyncExitStack() as stack:
        await lexical_index(settings, 8, pool, stack, newest=0, shared=False)


async def test_a_lexical_index_that_there_is_not_is_told_with_those_that_there_are(scratch, pool):
    with pytest.raises(ConfigError, match="STEADYRAG_LEXICAL__URL='elastic:': use memory: or qdrant:"):
        await lexical(load_settings(data_dir=scratch, lexical={"url": "elastic:"}), pool)


async def test_a_lexical_index_on_qdrant_needs_a_qdrant(scratch, pool):
    with pytest.raises(ConfigError, match="needs STEADYRAG_INDEX__URL=qdrant://host:6334, which is 'edge:'"):
        await lexical(load_settings(data_dir=scratch, lexical={"url": "qdrant:"}), pool)


async def test_a_dense_index_that_there_is_not_is_told_with_those_that_there_are(scratch, pool):
    settings = load_settings(data_dir=scratch, index={"url": "faiss:x"})
    async with AsyncExitStack() as stack:
        with (
            DataFolder(scratch) as folder,
            pytest.raises(ConfigError, match="STEADYRAG_INDEX__URL='faiss:x': use edge:"),
        ):
            dense_index(settings, folder, 8, pool, stack)


@pytest.mark.parametrize("module", ["collections", "lexical", "connection"])
async def test_a_missing_client_is_told_with_its_cure(scratch, pool, monkeypatch, module):
    monkeypatch.setitem(sys.modules, f"rag.retrieval.qdrant.{module}", None)
    settings = load_settings(data_dir=scratch, index=CLUSTER, lexical={"url": "qdrant:"})
    with pytest.raises(ConfigError, match=r"pip install 'steadyrag\[qdrant\]'"):
        await (qdrant_version(settings, timeout_s=1) if module == "connection" else lexical(settings, pool))


async def test_the_server_says_its_version(scratch):
    async with serving(scratch) as server:
        settings = load_settings(data_dir=scratch, index={"url": server.url})
        assert await qdrant_version(settings, timeout_s=10) == VERSION
