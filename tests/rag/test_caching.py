from contextlib import AsyncExitStack

import pytest

from cache.scorer import default_scorer
from rag.caching import answer_cache
from rag.errors import ConfigError
from rag.settings import load_settings


async def built(clock, **values):
    async with AsyncExitStack() as stack:
        return answer_cache(load_settings(**values), clock, stack)


async def test_similar_questions_are_served_unless_that_is_switched_off(clock):
    assert (await built(clock)).semantic
    assert not (await built(clock, cache={"semantic": False})).semantic


async def test_weights_that_ship_do_not_judge_vectors_of_another_model(clock):
    assert not (await built(clock, embedder={"model": "another"})).semantic


async def test_weights_of_ones_own(clock, tmp_path):
    path = tmp_path / "own.npz"
    default_scorer().save(path)
    assert (await built(clock, cache={"scorer": path})).semantic
    with pytest.raises(ConfigError, match="CACHE__SCORER"):
        await built(clock, cache={"scorer": path}, embedder={"model": "another"})


@pytest.mark.parametrize("values", [{"store": "sqlite:"}, {"scorer": "/nowhere.npz"}])
async def test_what_cannot_be_used_is_refused(clock, values):
    with pytest.raises(ConfigError, match="CACHE__"):
        await built(clock, cache=values)
