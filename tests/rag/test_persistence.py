"""What it serves is tested through `rag.compose`; here, what it refuses and when it leases."""

import sys
from contextlib import AsyncExitStack

import pytest

from rag.errors import ConfigError
from rag.persistence import open_storage
from rag.settings import load_settings
from rag.storage.folder import DataFolder


@pytest.fixture
async def opened(scratch, clock):
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(DataFolder(scratch))
        yield lambda url: open_storage(load_settings(data_dir=scratch, log={"url": url}), folder, clock, stack)


async def test_a_log_that_there_is_not_is_told_with_those_that_there_are(opened):
    with pytest.raises(ConfigError, match="STEADYRAG_LOG__URL='kafka://host': use sqlite: or redis://"):
        opened("kafka://host")


async def test_a_missing_client_is_told_with_its_cure(opened, monkeypatch):
    monkeypatch.setitem(sys.modules, "rag.storage.redis.join", None)
    with pytest.raises(ConfigError, match=r"pip install 'steadyrag\[redis\]'"):
        opened("redis://host")


async def test_only_what_others_may_change_too_is_read_under_a_lease(opened):
    alone = opened("sqlite:")
    assert alone.replica is None
    assert alone.leased(alone.store) is alone.store
    shared = opened("redis://127.0.0.1:1")
    assert shared.leased(shared.store) is not shared.store
