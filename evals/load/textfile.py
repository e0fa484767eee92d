"""Text files, plain or gzipped, opened with one kind of error."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from evals.errors import CannotMeasure


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """The file as UTF-8 text, unpacked where its name ends in .gz.

    Raises:
        CannotMeasure: the file cannot be opened, or what is read from it is not UTF-8 or not gzip.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            yield file
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise CannotMeasure(f"cannot read {path}: {error}") from error
