from contextlib import AsyncExitStack

import pytest

from cache.scorer import default_scorer
from rag.caching import _digest, answer_cache
from rag.errors import ConfigError
from rag.persistence import open_storage
from rag.resilience.guards import Guards, Protections
from rag.settings import load_settings
from rag.storage.folder import DataFolder


async def built(clock, folder, **values):
    async with AsyncExitStack() as stack:
        settings = load_settings(data_dir=folder / "data", limits={"min_free_bytes": 0}, **values)
        opened = stack.enter_context(DataFolder(settings.data_dir))
        return answer_cache(
            settings,
            opened,
            open_storage(settings, opened, clock, stack),
            guards=Guards(Protections(), clock, lambda _event: None),
            wrap=lambda _seam, adapter: adapter,
            clock=clock,
            stack=stack,
        )


async def test_similar_questions_are_served_unless_that_is_switched_off(clock, tmp_path):
    assert (await built(clock, tmp_path)).semantic
    assert not (await built(clock, tmp_path, cache={"semantic": False})).semantic


async def test_weights_that_ship_do_not_judge_vectors_of_another_model(clock, tmp_path):
    assert not (await built(clock, tmp_path, embedder={"model": "another"})).semantic


async def test_weights_of_ones_own(clock, tmp_path):
    path = tmp_path / "own.npz"
    default_scorer().save(path)
    assert (await built(clock, tmp_path, cache={"scorer": path})).semantic
    with pytest.raises(ConfigError, match="CACHE__SCORER"):
        await built(clock, tmp_path, cache={"scorer": path}, embedder={"model": "another"})


@pytest.mark.parametrize("values", [{"store": "file:"}, {"store": "redis://x:y"}, {"scorer": "/nowhere.npz"}])
async def test_what_cannot_be_used_is_refused(clock, tmp_path, values):
    with pytest.raises(ConfigError, match="CACHE__"):
        await built(clock, tmp_path, cache=values)


@pytest.mark.parametrize("store", ["memory:", "sqlite:", "redis://127.0.0.1:1", "redis+cluster://127.0.0.1:1"])
async def test_every_store_of_the_settings(clock, tmp_path, store):
    built_in = await built(clock, tmp_path, cache={"store": store})
    assert (built_in.replication is None) is (store == "memory:")


def test_what_answers_depend_on_has_a_name_of_its_own():
    names = [
        _digest(load_settings(models=models))
        for models in ({}, {"default": "large"}, {"api_key": "secret"}, {"small": "http://h:1/v1#m"})
    ]
    assert names[0] == names[2]
    assert len(set(names)) == 3
