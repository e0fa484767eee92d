"""Plain text, and the decoding that other readers share."""

from __future__ import annotations

import codecs
import re
from pathlib import PurePosixPath

from rag.errors import UnreadableDocument
from rag.types import Document

#: Byte order marks; UTF-32 stands first because its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
#: Western European prose has under a tenth; a script of its own (Cyrillic, Shift JIS) has most of its bytes there.
_LATIN_SHARE = 0.25
_NEWLINES = re.compile(r"\r\n?")


def read(name: str, data: bytes) -> Document:
    """The text as it is; the title is the name's stem.

    Raises:
        UnreadableDocument: the bytes are no text.
    """
    return Document(id=name, text=decode(data), title=PurePosixPath(name).stem)


def decode(data: bytes, declared: str | None = None) -> str:
    r"""The bytes as text with `\n` line ends: by byte order mark, as UTF-8, as `declared`, or as Windows-1252.

    Args:
        data: the file's bytes.
        declared: the encoding that the file itself names, a Python codec for text.

    Raises:
        UnreadableDocument: the bytes are no text in any of these.
    """
    text = _decode(data, declared)
    if "\x00" in text:
        raise UnreadableDocument("binary data, not text")
    return _NEWLINES.sub("\n", text)


def _decode(data: bytes, declared: str | None) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strict(data[len(mark) :], encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _strict(data, declared) if declared else _latin(data)


def _latin(data: bytes) -> str:
    if _NO_TEXT.search(data) or len(_BEYOND_ASCII.findall(data)) > _LATIN_SHARE * len(data):
        raise UnreadableDocument("neither UTF-8 nor UTF-16 with a byte order mark nor Western European text")
    return _strict(data, "cp1252")


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableDocument(f"not {encoding}: byte {error.start} is {error.reason}") from error
