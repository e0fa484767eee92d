"""A file that records are added to, line by line, until it is full."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

#: Readable for the service's user alone: the records tell of questions.
_MODE = 0o600


class LineFile:
    """Appends lines; one write a line, so that processes may share the file.

    Args:
        path: created with the first line.
        max_bytes: size past which nothing is added.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes

    async def append(self, line: bytes) -> bool:
        """Whether there was room for the line, which ends with its newline.

        Raises:
            OSError: the file cannot be written.
        """
        return await asyncio.to_thread(self._append, line)

    def _append(self, line: bytes) -> bool:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
        try:
            fits = os.fstat(handle).st_size + len(line) <= self._max_bytes
            if fits:
                os.write(handle, line)
            return fits
        finally:
            os.close(handle)
