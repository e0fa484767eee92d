"""The folder of a shard whose content can be replaced as a whole, at one moment, whatever is interrupted.

The engine's files lie in the folder itself, or in the folder below it that the file `current` names. Another content
is made beside it and taken by an atomic rename of that file; what is not current is a leftover.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

POINTER = "current"
PREFIX = "generation-"


def current(folder: Path) -> Path:
    """Where the engine's files lie."""
    try:
        return folder / (folder / POINTER).read_text()
    except FileNotFoundError:
        return folder


def make(folder: Path) -> Path:
    """An empty place for other content; no name is given out twice, so a straggler writes into nobody's files."""
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))


def switch(folder: Path, to: Path) -> None:
    """Make the content at `to` the current one."""
    part = folder / f"{POINTER}.part"
    with part.open("w") as file:
        file.write(to.name)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / POINTER)


def write_back(folder: Path) -> None:
    """Bring the files to the disk. The engine does so too, but holds the interpreter lock while it waits."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())


def clean(folder: Path) -> None:
    """Remove what is not current."""
    keep = current(folder)
    if keep == folder:
        leftovers = list(folder.glob(f"{PREFIX}*"))
    else:
        leftovers = [entry for entry in folder.iterdir() if entry not in (keep, folder / POINTER)]
    for leftover in leftovers:
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
