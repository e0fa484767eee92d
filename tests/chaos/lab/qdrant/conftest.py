import pytest

from tests.support import qdrant


@pytest.fixture
async def lab(scratch):
    """The server, and the real client of it."""
    async with qdrant.lab(scratch) as (server, client):
        yield server, client
