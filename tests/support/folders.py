"""Folders for data."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 4 << 30
ZEROS = bytes(1 << 20)


@contextmanager
def scratch():
    """An empty folder, in memory where there is plenty: a fresh index waits for the disk many times otherwise."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES
    with tempfile.TemporaryDirectory(prefix="steadyrag-", dir=MEMORY if roomy else None) as name:
        yield Path(name)


def copied(source, target):
    """A copy of a folder; what is empty in its files, as most of a write-ahead log is, takes neither room nor time."""
    shutil.copytree(source, target, copy_function=_copy)


def _copy(source, target):
    with open(source, "rb") as before, open(target, "wb") as after:
        while block := before.read(len(ZEROS)):
            if block == ZEROS:
                after.seek(len(block), 1)
            else:
                after.write(block)
        after.truncate()
