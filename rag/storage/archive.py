"""Files in a tar archive without their holes: pages of zeros neither travel nor take room again.

An index makes its files long before it fills them: that of a few documents is half a gigabyte long, and less than a
megabyte of it is not zero. The format is GNU tar's for sparse files (PAX, version 1.0), which `tar` and `tarfile` read:
https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

CHUNK = 1 << 20
#: What file systems give out at once, and so the smallest hole.
PAGE = 4096
_ZEROS = bytes(CHUNK)

#: Told the bytes that were just done.
Advance = Callable[[int], None]
#: (offset, length), in bytes
Region = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive; length and digest are those of all of it, with the zeros that its holes read as."""

    size: int
    sha256: str


def add(archive: tarfile.TarFile, name: str, path: Path) -> Entry:
    """Write the file, which nobody changes meanwhile, into an archive of the format PAX."""
    with path.open("rb", buffering=0) as file:
        info = archive.gettarinfo(arcname=name, fileobj=file)
        info.mtime = int(info.mtime)  # a fraction would cost each file two blocks
        size, written = info.size, _written(file.fileno(), info.size)
        head = b"" if sum(length for _, length in written) == size else _as_sparse(info, written, archive.offset)
        digest = hashlib.sha256()
        content = io.BufferedReader(_Pieces(chain([head], _pieces(file.fileno(), written, size, digest))))
        archive.addfile(info, content)
        content.read()  # a hole at the end gives no bytes, and is digested all the same
    return Entry(size, digest.hexdigest())


def read(source: IO[bytes], target: IO[bytes] | None = None) -> Entry:
    """Read a file of an archive to its end, and write it to `target`, where pages of zeros become holes."""
    digest, size = hashlib.sha256(), 0
    while data := source.read(CHUNK):
        digest.update(data)
        size += len(data)
        if target is not None:
            _write(target, data)
    if target is not None:
        target.truncate(size)
    return Entry(size, digest.hexdigest())


def opened(path: Path, advance: Advance) -> io.BufferedReader:
    """The file, to be read; `advance` is told of what was."""
    return io.BufferedReader(_Told(path, advance))


class _Told(io.FileIO):
    def __init__(self, path: Path, advance: Advance) -> None:
        super().__init__(path)
        self._advance = advance

    def readinto(self, buffer: Any) -> int | None:
        done = super().readinto(buffer)
        self._advance(done or 0)
        return done


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        done = min(len(buffer), len(self._rest))
        buffer[:done], self._rest = self._rest[:done], self._rest[done:]
        return done


def _written(descriptor: int, size: int) -> list[Region]:
    """The parts of the file that are not all zeros.

    Read, not asked of the file system: what was set aside, or copied without care, counts as written there.
    """
    found: list[Region] = []
    for start in range(0, size, CHUNK):
        data = os.pread(descriptor, CHUNK, start)
        for offset in range(0, 0 if _ZEROS.startswith(data) else len(data), PAGE):
            page = data[offset : offset + PAGE]
            if _ZEROS.startswith(page):
                continue
            if found and sum(found[-1]) == start + offset:
                found[-1] = (found[-1][0], found[-1][1] + len(page))
            else:
                found.append((start + offset, len(page)))
    return found


def _as_sparse(info: tarfile.TarInfo, written: Sequence[Region], number: int) -> bytes:
    """Make the header that of a sparse file; gives the map of its regions, which goes before them.

    `number` stands for the name, with those who do not know the format; anything longer could hide the true name.
    """
    regions = [*written, (info.size, 0)]
    head = "".join(f"{each}\n" for each in chain([len(regions)], *regions)).encode()
    head += bytes(-len(head) % tarfile.BLOCKSIZE)
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": info.name,
        "GNU.sparse.realsize": str(info.size),
    }
    info.name, info.size = f"GNUSparseFile.{number}", len(head) + sum(length for _, length in written)
    return head


def _pieces(descriptor: int, written: Sequence[Region], size: int, digest: Any) -> Iterator[bytes]:
    """What is written; it and the zeros between are digested."""
    position = 0
    for start, length in [*written, (size, 0)]:
        for done in range(position, start, CHUNK):
            digest.update(_ZEROS[: start - done])
        position = start
        while position < start + length:
            data = os.pread(descriptor, min(CHUNK, start + length - position), position)
            if not data:
                return  # the file was cut short: `tarfile` says so
            digest.update(data)
            yield data
            position += len(data)


def _write(target: IO[bytes], data: bytes) -> None:
    for start in range(0, len(data), PAGE):
        page = data[start : start + PAGE]
        if _ZEROS.startswith(page):
            target.seek(len(page), os.SEEK_CUR)
        else:
            target.write(page)
