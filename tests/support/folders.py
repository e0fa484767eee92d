"""Folders for data."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 << 30


@contextmanager
def scratch():
    """An empty folder, in memory where there is plenty: a fresh index waits for the disk many times otherwise."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES
    with tempfile.TemporaryDirectory(prefix="steadyrag-", dir=MEMORY if roomy else None) as name:
        yield Path(name)
