"""Where documents come from: files, folders, globs and standard input. A broken file is reported, never fatal."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from rag.errors import InvalidRequest, PayloadTooLarge, UnreadableDocument
from rag.ingestion.apart import Apart
from rag.ingestion.readers import READERS, parse_bytes, reader_for
from rag.ingestion.readers.jsonl import BadLine, LineStream, read_lines
from rag.types import Document

__all__ = ["MAX_FILE_BYTES", "STDIN", "BadFile", "documents", "expand", "parse_bytes", "read", "received"]

MAX_FILE_BYTES = 64 * 1024 * 1024
#: JSON Lines on standard input. No file of this name could be read, for want of a suffix.
STDIN = Path("-")

#: A file's name and content to its document, as `parse_bytes` or `Apart.parse`.
Parse = Callable[[str, bytes], Document]

_JSONL = (".jsonl", ".jsonl.gz")
SUFFIXES = (*READERS, *_JSONL)


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file, or a line of one ("corpus.jsonl:17"), that could not be read, and why."""

    source: str
    reason: str


def documents(
    paths: Sequence[str], max_bytes: int = MAX_FILE_BYTES, apart: Apart | None = None
) -> Iterator[Document | BadFile]:
    """Every document under `paths`, in order; see `expand` and `read`.

    Args:
        paths: files, folders and globs.
        max_bytes: as for `read`.
        apart: reads the files; closed at the end.
    """
    return _all(expand(paths), max_bytes, apart or Apart())


def _all(files: Iterable[Path], max_bytes: int, apart: Apart) -> Iterator[Document | BadFile]:
    with apart:
        for path in files:
            yield from read(path, max_bytes, apart.parse)


def expand(paths: Sequence[str]) -> Iterator[Path]:
    """The files that `paths` name, each once, in the order of the paths.

    A folder or glob gives its files with a known suffix, sorted, without hidden ones; a file named outright is given
    whatever its name, so that `read` can say what is wrong with it; "-" is standard input. A folder that cannot be
    listed is given as it is, for the same reason.

    Raises:
        InvalidRequest: a path does not exist, or a glob matches nothing; raised before the first file is given.
    """
    found = [(path, _matches(path)) for path in paths]
    for path, matches in found:
        if not matches:
            raise InvalidRequest(f"{path}: no such file or folder", param="path")
    return _unique(file for _, matches in found for match in matches for file in _files(match))


def _matches(path: str) -> list[Path]:
    if path == str(STDIN) or os.path.exists(path):
        return [Path(path)]
    if not has_magic(path):
        return []
    hits = [Path(hit) for hit in sorted(glob(path, recursive=True))]
    return [hit for hit in hits if hit.is_dir() or _known(hit.name)]


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    unlisted: list[OSError] = []
    for folder, folders, names in os.walk(path, onerror=unlisted.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith(".") and _known(name))
    yield from (Path(error.filename) for error in unlisted)


def _unique(paths: Iterable[Path]) -> Iterator[Path]:
    seen: set[str] = set()
    for path in paths:
        real = os.path.realpath(path)
        if real not in seen:
            seen.add(real)
            yield path


def _known(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def read(path: Path, max_bytes: int = MAX_FILE_BYTES, parse: Parse = parse_bytes) -> Iterator[Document | BadFile]:
    """The documents of one file; JSON Lines hold many, other files one, whose id is the path seen from here.

    Args:
        path: a file, or `STDIN`.
        max_bytes: bound of a file, or of one line of JSON Lines, which may be of any length themselves.
        parse: reads a file that is one document.

    Raises:
        ConfigError: the format's reader needs a library that is not installed.
    """
    name = document_id(path)
    try:
        if path == STDIN:
            # a buffer of its own: at exit the interpreter closes that of sys.stdin, even under a thread that reads it
            with open(sys.stdin.fileno(), "rb", closefd=False) as stream:
                yield from _records("stdin", stream, max_bytes)
        elif path.name.lower().endswith(_JSONL):
            with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as stream:
                yield from _records(name, stream, max_bytes)
        else:
            yield parse(name, _bytes(path, max_bytes))
    except UnreadableDocument as error:
        yield BadFile(name, error.message)
    except (OSError, EOFError, zlib.error) as error:
        yield BadFile(name, getattr(error, "strerror", None) or str(error))


def received(
    name: str, data: bytes, max_bytes: int, most: int = sys.maxsize, parse: Parse = parse_bytes
) -> list[Document]:
    """The documents of a file that somebody sent: all that `read` would find in it, or an error.

    Args:
        name: the file's name, which is the id of a document that is a file by itself.
        data: its content.
        max_bytes: bound of what compressed content may become.
        most: how many documents it may hold.
        parse: reads a file that is one document.

    Raises:
        PayloadTooLarge: it becomes more, or holds more.
        UnreadableDocument: no reader for the suffix, not what the suffix says, or a line that is no document.
        ConfigError: the format's reader needs a library that is not installed.
    """
    if not name.lower().endswith(_JSONL):
        return [parse(name, data)]
    lines = _unpacked(name, data, max_bytes) if name.lower().endswith(".gz") else data
    found: list[Document] = []
    for record in _records(name, io.BytesIO(lines), max_bytes):
        if isinstance(record, BadFile):
            raise UnreadableDocument(f"{record.source}: {record.reason}")
        if len(found) == most:
            raise PayloadTooLarge(f"{name} holds more documents than the {most} that may still come in this request")
        found.append(record)
    if not found:
        raise UnreadableDocument(f"{name}: it holds no document")
    return found


def _unpacked(name: str, data: bytes, max_bytes: int) -> bytes:
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            content = stream.read(max_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableDocument(f"{name}: {error}") from error
    if len(content) > max_bytes:
        raise PayloadTooLarge(f"{name} holds more than {max_bytes:,} bytes; send less, or several requests")
    return content


def document_id(path: Path) -> str:
    """The path from the current folder if it lies within, else from the root; with forward slashes."""
    absolute = Path(os.path.abspath(path))
    here = Path.cwd()
    inside = absolute.relative_to(here) if absolute.is_relative_to(here) else absolute
    return inside.as_posix().encode("utf-8", "backslashreplace").decode()


def _records(name: str, stream: LineStream, max_bytes: int) -> Iterator[Document | BadFile]:
    for found in read_lines(stream, max_bytes):
        yield BadFile(f"{name}:{found.number}", found.reason) if isinstance(found, BadLine) else found


def _bytes(path: Path, max_bytes: int) -> bytes:
    if path.exists() and not path.is_file():
        raise UnreadableDocument("not a file, or a folder that cannot be listed")
    reader_for(path.name)  # says so before a large file of no use is read
    with path.open("rb") as stream:
        data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise UnreadableDocument(f"larger than {max_bytes} bytes")
    return data
