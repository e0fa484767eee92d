"""The data folder: made, locked for one process, and checked to be of our format and whole.

The format file is written just before the first data, and after every other part was made. So a folder with it must
have all its parts, and one without it may have no data.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from rag.errors import ConfigError, DataFolderBusy, DataFolderCorrupt, DependencyFailed, StorageFull

LOCK_FILE = "steadyrag.lock"
#: A command that only asks who holds the folder holds it itself for a moment: not to be taken for an owner.
CLAIM_TRIES, CLAIM_PAUSE_S = 5, 0.02
FORMAT_FILE = "format.json"
#: Raised when stored data changes shape.
FORMAT = 1
_MEND = "restore a backup, or remove the folder and ingest again"


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that holds the folder; `url` is where it serves, None while it does not."""

    pid: int
    url: str | None


class DataFolder:
    """The folder, held by this process until `close`.

    Raises:
        DataFolderBusy: another process holds it.
        DataFolderCorrupt: it is of another format, or its format cannot be read.
        ConfigError: it cannot be made or written.
    """

    def __init__(self, path: Path, *, min_free_bytes: int = 0) -> None:
        self.path = path
        self._min_free_bytes = min_free_bytes
        self._format: dict[str, str | int] = {"format": FORMAT}
        with _usable(path):
            path.mkdir(parents=True, exist_ok=True)
            # opened without truncating: another owner's words must survive our attempt
            self._lock: IO[str] = os.fdopen(os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600), "r+")
        try:
            self._claim()
        except ConfigError:
            self._lock.close()
            raise

    @property
    def holds_data(self) -> bool:
        """Whether data was ever written, or was about to be."""
        return (self.path / FORMAT_FILE).exists()

    def announce(self, url: str | None) -> None:
        """Write into the lock file who holds the folder and where it serves."""
        words = json.dumps({"pid": os.getpid(), "url": url}).encode()
        with _usable(self.path):
            # overwritten before it is cut: that needs no room, so that a full disk still serves what it holds
            os.pwrite(self._lock.fileno(), words, 0)
            os.ftruncate(self._lock.fileno(), len(words))

    def check_format(self, **facts: str | int) -> None:
        """Compare what the stored data was made with to what is configured; the first data will be made with that.

        Raises:
            DataFolderCorrupt: the format is not ours.
            ConfigError: a fact differs, as after another embedding model was configured.
        """
        self._format |= facts
        stored = stored_format(self.path)
        if stored is None:
            return
        if stored.get("format") != FORMAT:
            raise DataFolderCorrupt(
                f"{self.path} has format {stored.get('format')}, this version reads {FORMAT}; use the steadyrag that "
                "wrote it, or set STEADYRAG_DATA_DIR to another folder and ingest again: steadyrag ingest PATH"
            )
        for key, value in facts.items():
            if stored.get(key) != value:
                raise ConfigError(
                    f"{self.path} was made with {key}={stored.get(key)!r}, configured is {value!r}; "
                    "set it back, or ingest into another data folder"
                )

    def require(self, part: Path) -> None:
        """Refuse to open a folder of data without this part of it, which would be made anew, and empty.

        Raises:
            DataFolderCorrupt: the file or folder is missing or empty.
        """
        if self.holds_data and not _has_content(part):
            raise DataFolderCorrupt(f"{part} is missing or empty, while {self.path} holds data; {_MEND}")

    def require_format(self, part: Path) -> None:
        """Refuse a part that holds data in a folder that does not know what it was made with.

        Raises:
            DataFolderCorrupt: the format file is missing.
        """
        if not self.holds_data:
            raise DataFolderCorrupt(f"{self.path / FORMAT_FILE} is missing, while {part} holds data; {_MEND}")

    def before_write(self) -> None:
        """Refuse a write for want of space; the first one that is not refused fixes the format.

        Raises:
            StorageFull: less than the reserve is free.
            DependencyFailed: the format cannot be written down.
        """
        self.ensure_space()
        self.fix_format()

    def fix_format(self) -> None:
        """Write down what the data is made with, unless that is known; all parts of the folder are there by then.

        Raises:
            StorageFull, DependencyFailed: it cannot be written down.
        """
        if self.holds_data:
            return
        try:
            _write_whole(self.path / FORMAT_FILE, json.dumps(self._format))
        except OSError as error:
            kind = StorageFull if error.errno == errno.ENOSPC else DependencyFailed
            raise kind(f"cannot write {FORMAT_FILE}: {error.strerror}; nothing of this write was stored") from error

    def ensure_space(self) -> None:
        """Refuse a write while the disk is nearly full: the index maps its files, and a full disk would kill it.

        Raises:
            StorageFull: less than the reserve is free.
        """
        free = shutil.disk_usage(self.path).free
        if free < self._min_free_bytes:
            raise StorageFull(
                f"the disk of the data folder has {free >> 20} MiB free, the reserve is "
                f"{self._min_free_bytes >> 20} MiB; free some space (nothing of this write was stored)"
            )

    def close(self) -> None:
        """Let the folder go."""
        self._lock.close()

    def __enter__(self) -> DataFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _claim(self) -> None:
        for _ in range(CLAIM_TRIES):
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(CLAIM_PAUSE_S)
                continue
            self.announce(None)
            return
        raise DataFolderBusy(_busy(self.path, _read_owner(self._lock)))


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"cannot use the data folder {path}: {error.strerror}; set STEADYRAG_DATA_DIR") from error


def _write_whole(file: Path, text: str) -> None:
    """Write the file whole or not at all; it is on the disk before anything that is written after it."""
    part = file.with_suffix(".part")
    part.write_text(text)
    _sync(part)
    part.replace(file)
    _sync(file.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _has_content(path: Path) -> bool:
    """Whether it is a file with bytes or a folder with entries."""
    return any(path.iterdir()) if path.is_dir() else path.exists() and path.stat().st_size > 0


def stored_format(path: Path) -> dict[str, str | int] | None:
    """The format of the data in the folder, and what the data was made with; None while there is none.

    Raises:
        DataFolderCorrupt: it cannot be read.
    """
    file = path / FORMAT_FILE
    try:
        return dict(json.loads(file.read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError) as error:
        raise DataFolderCorrupt(f"{file} is not readable; restore a backup or use another data folder") from error


def current_owner(path: Path) -> Owner | None:
    """The process that holds the folder at this moment, or None."""
    try:
        with (path / LOCK_FILE).open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return _read_owner(file) or Owner(0, None)
    except OSError:
        return None
    return None


def _read_owner(file: IO[str]) -> Owner | None:
    try:
        file.seek(0)
        fields = json.load(file)
        return Owner(int(fields["pid"]), fields["url"])
    except (ValueError, TypeError, KeyError):
        return None


def _busy(path: Path, owner: Owner | None) -> str:
    who = f"process {owner.pid}" + (f", serving {owner.url}" if owner.url else "") if owner else "another process"
    return f"the data folder {path} is in use by {who}; stop it, or set STEADYRAG_DATA_DIR to another folder"
