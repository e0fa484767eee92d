import pytest

from rag.cli.composed import answered
from rag.errors import NotFound
from rag.settings import load_settings
from tests.support.corpus import QUESTION


@pytest.fixture
def settings(scratch, model_folder):
    index, limits = {"shards": 1}, {"min_free_bytes": 0}
    return load_settings(data_dir=scratch, cache_dir=model_folder.parent.parent, index=index, limits=limits)


async def test_there_is_nothing_to_answer_from(settings):
    answer, empty = await answered(settings, QUESTION, "default")
    assert (answer["steadyrag"]["answered"], empty) == (False, True)


async def test_a_collection_that_nobody_made(settings):
    with pytest.raises(NotFound, match="another"):
        await answered(settings, QUESTION, "another")
