import pytest

from tests.support.virtual_time import LoopClock, VirtualTimeLoop


def pytest_asyncio_loop_factories(config, item):
    """Every async test here runs in virtual time."""
    return {"virtual-time": VirtualTimeLoop}


@pytest.fixture
def loop_clock():
    """The virtual time of the test's own loop."""
    return LoopClock()


@pytest.fixture
def events():
    """What was told; its `append` is the observer."""
    return []
