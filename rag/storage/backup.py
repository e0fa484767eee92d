"""One archive of the data folder, and the folder made anew from it.

A tar file: the catalog, the shards as they lie on the disk (see `rag.storage.archive`), the format, and last the
manifest with size and SHA-256 of every file, so that an archive that was cut off has none. What is derived, the lexical
index, is left out. A restoring checks all of it, lays it out beside the data folder, and takes its place in one step
(renameat2, RENAME_EXCHANGE).
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from rag.errors import ConfigError, DataFolderCorrupt, StorageFull
from rag.storage.archive import CHUNK, Advance, Entry, add, opened, read
from rag.storage.folder import FORMAT, FORMAT_FILE, LOCK_FILE, DataFolder

CATALOG, MANIFEST = "catalog.db", "manifest.json"
KIND = "steadyrag backup"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def pack(out: IO[bytes], folder: Path, shards: Mapping[str, Path]) -> None:
    """Write the archive of the data folder to `out`, which need not be seekable.

    Args:
        out: where it goes.
        folder: the data folder; its catalog may be written meanwhile.
        shards: name in the archive -> folder with the engine's files, which nobody writes meanwhile.
    """
    entries: dict[str, Entry] = {}
    with (
        tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive,
        tempfile.TemporaryDirectory(dir=folder) as scratch,
    ):
        copy = Path(scratch) / CATALOG
        _copy_catalog(folder / CATALOG, copy)
        for name, file in [(CATALOG, copy), (FORMAT_FILE, folder / FORMAT_FILE), *_files(shards)]:
            entries[name] = add(archive, name, file)
        manifest = {"kind": KIND, "format": FORMAT, "files": {n: [e.size, e.sha256] for n, e in entries.items()}}
        content = Path(scratch) / MANIFEST
        content.write_text(json.dumps(manifest))
        archive.add(content, MANIFEST)


def check(file: Path, advance: Advance = lambda _done: None) -> dict[str, Entry]:
    """Read the whole archive; gives back its files.

    Args:
        file: the archive.
        advance: told of the bytes that were read of it.

    Raises:
        ConfigError: it is no backup, is of another format, or is damaged; the message says which.
    """
    found: dict[str, Entry] = {}
    manifest: bytes | None = None
    with _opened(file, advance) as archive:
        for member in archive:
            source = archive.extractfile(member) if member.isfile() else None
            if source is None or not _is_safe(member.name):
                raise ConfigError(f"{file} is no steadyrag backup: it holds {member.name!r}")
            if member.name == MANIFEST:
                manifest = source.read()
            else:
                found[member.name] = read(source)
    _compare(file, found, manifest)
    return found


def restore(file: Path, folder: Path, *, force: bool = False, advance: Advance = lambda _done: None) -> None:
    """Make `folder` what the archive holds. Interrupted at any moment, it is as it was.

    Args:
        file: the archive.
        folder: the data folder; nobody may have it open.
        force: replace data that is there.
        advance: told of progress; the archive is gone through twice.

    Raises:
        ConfigError: `check` refuses the archive, or there is data and no `force`.
        DataFolderBusy: a service has the folder.
    """
    entries = check(file, advance)
    with DataFolder(folder) as held:
        if not force and any(entry.name != LOCK_FILE for entry in folder.iterdir()):
            raise ConfigError(f"{folder} holds data; --force replaces it")
        if shutil.disk_usage(folder).free < file.stat().st_size:
            raise StorageFull(f"the disk of {folder} has no room for what {file} holds; nothing was changed")
        beside = _beside(held.path)
        try:
            _lay_out(file, beside, entries, advance)
            _exchange(beside, folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def _copy_catalog(catalog: Path, target: Path) -> None:
    """A consistent copy, whatever is written meanwhile (SQLite's online backup)."""
    try:
        with closing(sqlite3.connect(catalog)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except sqlite3.Error as error:
        raise DataFolderCorrupt(f"{catalog} cannot be read ({error}); there is nothing to back up") from error


def _files(shards: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    for name, folder in shards.items():
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                yield f"{name}/{file.relative_to(folder).as_posix()}", file


@contextmanager
def _opened(file: Path, advance: Advance) -> Iterator[tarfile.TarFile]:
    try:
        with opened(file, advance) as told, tarfile.open(fileobj=told, mode="r:") as archive:
            yield archive
    except FileNotFoundError:
        raise ConfigError(f"no such file: {file}") from None
    except (tarfile.TarError, EOFError) as error:
        raise ConfigError(f"{file} is no steadyrag backup, or it is cut off ({error})") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}") from None


def _is_safe(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _compare(file: Path, found: Mapping[str, Entry], manifest: bytes | None) -> None:
    if manifest is None:
        raise ConfigError(f"{file} is no steadyrag backup, or it is cut off: it has no manifest")
    try:
        told = json.loads(manifest)
        kind, version = told["kind"], told["format"]
        listed = {name: Entry(size, digest) for name, (size, digest) in told["files"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ConfigError(f"{file} is damaged: its manifest cannot be read") from None
    if kind != KIND or version != FORMAT:
        raise ConfigError(
            f"{file} has format {version!r}, this version reads {FORMAT}; restore it with the steadyrag that wrote it"
        )
    if bad := sorted(name for name in {*listed, *found} if listed.get(name) != found.get(name)):
        raise ConfigError(f"{file} is damaged: {bad[0]} is not what was backed up")


def _beside(folder: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=f".{folder.name}-restoring-", dir=folder.resolve().parent))
    except OSError as error:
        raise ConfigError(f"cannot write beside {folder}: {error.strerror}") from error


def _lay_out(file: Path, target: Path, expected: Mapping[str, Entry], advance: Advance) -> None:
    with _opened(file, advance) as archive:
        for name, entry in expected.items():
            source, path = archive.extractfile(name), target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb", CHUNK) as out:
                if source is None or read(source, out) != entry:
                    raise ConfigError(f"{file} changed while it was read; nothing was restored")
                out.flush()
                os.fsync(out.fileno())


def _exchange(one: Path, other: Path) -> None:
    """Let two folders take each other's place, in one step."""
    libc = ctypes.CDLL(None, use_errno=True)
    paths: Iterable[bytes] = (os.fsencode(path.resolve()) for path in (one, other))
    source, target = paths
    if libc.renameat2(_AT_FDCWD, source, _AT_FDCWD, target, _RENAME_EXCHANGE):
        reason = os.strerror(ctypes.get_errno())
        raise ConfigError(f"{other} cannot be replaced as a whole ({reason}); restore into another folder")
