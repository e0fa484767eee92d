"""A part that fails altogether is not called oftener than it was asked for, and soon hardly at all."""

import asyncio

import pytest

from rag.errors import DependencyFailed
from router.errors import ModelUnreachable
from tests.support.scenarios import AMPLIFICATION
from tests.support.seams import hangs, raises

pytestmark = pytest.mark.slow

REQUESTS = 200
DOWN = raises(lambda: DependencyFailed("it is down"))
UNREACHABLE = raises(lambda: ModelUnreachable("refused", model="m"))
SEAMS = {
    "embedder": DOWN,
    "lexical": DOWN,
    "index:0": DOWN,
    "index:1": DOWN,
    "store": DOWN,
    "model:small": UNREACHABLE,
    "model:large": UNREACHABLE,
}


async def attempts(virtual, seam, *, pause_s=0.0):
    """Calls that reached the part in the course of so many requests, each of which needs it once."""
    for _ in range(REQUESTS):
        await virtual.ask(model="steadyrag-large" if seam == "model:large" else "steadyrag-small")
        await asyncio.sleep(pause_s)
    return len(virtual.seams.calls(seam))


@pytest.mark.parametrize(("seam", "fault"), SEAMS.items(), ids=SEAMS)
@pytest.mark.parametrize("pause_s", [0.0, 0.05, 1.0])
async def test_attempts_per_request(make, seam, fault, pause_s):
    virtual = await make()
    virtual.seams.fault(seam, fault)
    assert 0 < await attempts(virtual, seam, pause_s=pause_s) <= AMPLIFICATION * REQUESTS


@pytest.mark.parametrize(("seam", "fault"), SEAMS.items(), ids=SEAMS)
async def test_the_budget_alone_keeps_the_bound(make, seam, fault):
    virtual = await make(resilience={"breakers": False})
    virtual.seams.fault(seam, fault)
    assert REQUESTS < await attempts(virtual, seam) <= AMPLIFICATION * REQUESTS


@pytest.mark.parametrize("seam", SEAMS)
async def test_a_part_that_hangs_is_never_called_twice_for_one_request(make, seam):
    virtual = await make(resilience={"breakers": False})
    virtual.seams.fault(seam, hangs)
    assert await attempts(virtual, seam) == REQUESTS


async def test_everything_at_once(make):
    virtual = await make()
    virtual.seams.fault("model:*", UNREACHABLE)
    virtual.seams.fault("[!m]*", DOWN)
    for _ in range(REQUESTS):
        assert (await virtual.ask()).status == 503
    for seam in SEAMS:
        assert len(virtual.seams.calls(seam)) <= AMPLIFICATION * REQUESTS, seam
