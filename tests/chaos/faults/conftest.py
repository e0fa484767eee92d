"""Waiting takes no time, but where processes or threads take part."""

import asyncio

from tests.support.virtual_time import VirtualTimeLoop

REAL = {"test_process.py", "test_seam.py", "test_tether.py"}


def pytest_asyncio_loop_factories(config, item):
    return {"real": asyncio.new_event_loop} if item.path.name in REAL else {"virtual-time": VirtualTimeLoop}
