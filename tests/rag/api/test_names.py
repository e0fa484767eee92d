import pytest

from rag.api.names import known_space
from rag.errors import NotFound
from rag.types import ANONYMOUS, Space

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_default_collection_is_there_before_anything_was_written(make_service):
    empty = await make_service(documents=())
    assert known_space(empty, ANONYMOUS, "default") == Space("default", "default")


async def test_a_collection_exists_once_something_was_written(service):
    with pytest.raises(NotFound):
        known_space(service, ANONYMOUS, "another")
