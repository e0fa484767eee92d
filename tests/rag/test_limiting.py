import re
import sys
import tomllib
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from rag.errors import ConfigError
from rag.limiting import open_limiter
from rag.resilience.guards import Guards, Protections
from rag.settings import load_settings
from rag.types import ANONYMOUS

BOUNDED = {"key": {"requests": 1}}


async def opened(clock, seams=None, **values):
    """The limiter and the guards that it has."""
    guards = Guards(Protections(), clock, lambda _event: None)

    def wrap(seam, adapter):
        if seams is not None:
            seams.append(seam)
        return adapter

    async with AsyncExitStack() as stack:
        return open_limiter(load_settings(**values), guards, wrap=wrap, clock=clock, stack=stack), guards


async def test_the_documented_example_limits(clock, pytestconfig):
    page = (pytestconfig.rootpath / "docs" / "access.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    limiter, _ = await opened(clock, **tomllib.loads(example))
    told = await limiter.admit(replace(ANONYMOUS, tenant="acme"), spends=True)
    assert {(each.limit.policy, each.limit.quota) for each in told.standings} == {
        ("key-requests", 60),
        ("key-tokens", 200_000),
        ("tenant-requests", 3_000),
    }


async def test_where_nobody_is_limited_there_is_none(clock):
    assert (await opened(clock, quotas={"store": "redis://127.0.0.1:1"}))[0] is None


@pytest.mark.parametrize(
    "quotas",
    [{"tenant": {"tokens_a_day": 1}}, {"tenants": {"red": {"cost_a_day": 1}}}, {"keys": {"k": {"requests": 1}}}],
)
async def test_one_limit_is_enough(clock, quotas):
    assert (await opened(clock, quotas=quotas))[0] is not None


@pytest.mark.parametrize(
    ("store", "log", "shared"),
    [
        (None, "sqlite:", False),
        (None, "redis://127.0.0.1:1", True),
        ("memory:", "redis://127.0.0.1:1", False),
        ("redis+cluster://127.0.0.1:1", "sqlite:", True),
    ],
)
async def test_what_replicas_share_is_guarded_and_has_a_seam(clock, store, log, shared):
    seams = []
    _, guards = await opened(clock, seams, quotas={**BOUNDED, "store": store}, log={"url": log})
    assert seams == (["limits"] if shared else [])
    assert [breaker.name for breaker in guards.breakers()] == seams


@pytest.mark.parametrize("store", ["kafka://host", "redis://x:y"])
async def test_a_store_that_there_is_not_is_refused(clock, store):
    with pytest.raises(ConfigError, match="STEADYRAG_QUOTAS__STORE"):
        await opened(clock, quotas={**BOUNDED, "store": store})


async def test_without_redis_client_the_way_to_it_is_told(clock, monkeypatch):
    monkeypatch.setitem(sys.modules, "rag.storage.redis.limits", None)
    with pytest.raises(ConfigError, match=r"pip install 'steadyrag\[redis\]'"):
        await opened(clock, quotas={**BOUNDED, "store": "redis://127.0.0.1:1"})
