"""JSON Lines: one document a line, as BEIR corpora have them, of any length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import orjson

from rag.errors import UnreadableDocument
from rag.types import Document

_BOM = b"\xef\xbb\xbf"
_FORMATS: tuple[Literal["text"], Literal["markdown"], Literal["html"]] = ("text", "markdown", "html")
_SKIP_BYTES = 1 << 20


class LineStream(Protocol):
    """A binary file, compressed or not."""

    def readline(self, size: int, /) -> bytes:
        """The next line with its end, or as much of it as `size` bytes hold; empty at the end of the stream."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no document, counted from 1."""

    number: int
    reason: str


def read_lines(stream: LineStream, max_bytes: int) -> Iterator[Document | BadLine]:
    """The documents of `stream`, one line in memory at a time; empty lines are passed over.

    Args:
        stream: UTF-8, buffered.
        max_bytes: a longer line is a BadLine.

    Raises:
        OSError, EOFError, zlib.error: the stream breaks.
    """
    for number, line in enumerate(_lines(stream, max_bytes), start=1):
        if line is None:
            yield BadLine(number, f"longer than {max_bytes} bytes")
        elif line.strip():
            try:
                yield parse_line(line.removeprefix(_BOM) if number == 1 else line)
            except UnreadableDocument as error:
                yield BadLine(number, error.message)


def count_records(stream: LineStream, max_bytes: int) -> int:
    """What `read_lines` would give, good or bad.

    Raises:
        OSError, EOFError, zlib.error: the stream breaks.
    """
    return sum(1 for line in _lines(stream, max_bytes) if line is None or line.strip())


def _lines(stream: LineStream, max_bytes: int) -> Iterator[bytes | None]:
    """The lines without their ends; None for one that is too long."""
    while line := stream.readline(max_bytes + 2):
        ended = line.endswith(b"\n")
        line = line.rstrip(b"\r\n")
        yield line if len(line) <= max_bytes else None
        while not ended and (rest := stream.readline(_SKIP_BYTES)):
            ended = rest.endswith(b"\n")


def parse_line(line: bytes | str) -> Document:
    """The document of one line: `_id`, `text`, and if they are there `title`, `metadata`, `url`, `format`.

    Raises:
        UnreadableDocument: no JSON object, or a field that is missing or of the wrong type.
    """
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise UnreadableDocument(f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise UnreadableDocument("not a JSON object")
    text = _string(record, "text")
    if not text.strip():
        raise UnreadableDocument("text is missing or blank")
    return Document(
        id=_id(record),
        text=text,
        title=_string(record, "title"),
        format=_format(record),
        url=_string(record, "url") or None,
        metadata=_metadata(record),
    )


def _id(record: dict[str, Any]) -> str:
    value = record.get("_id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value
    raise UnreadableDocument("_id is not a string with something in it, nor a whole number")


def _format(record: dict[str, Any]) -> Literal["text", "markdown", "html"]:
    named = record.get("format") or "text"
    for known in _FORMATS:
        if named == known:
            return known
    raise UnreadableDocument(f"format is not one of {', '.join(_FORMATS)}")


def _string(record: dict[str, Any], key: str) -> str:
    """The field, "" if it is missing or null."""
    value = record.get(key)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise UnreadableDocument(f"{key} is not a string")


def _metadata(record: dict[str, Any]) -> dict[str, Any]:
    """The fields that filters can match; null is the same as absent."""
    metadata = record.get("metadata")
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise UnreadableDocument("metadata is not an object")
    given = {key: value for key, value in metadata.items() if value is not None}
    for key, value in given.items():
        if not all(isinstance(part, str | int | float) for part in (value if isinstance(value, list) else [value])):
            raise UnreadableDocument(f"metadata.{key} is neither a string, number or boolean nor a list of these")
    return given
