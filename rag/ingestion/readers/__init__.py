"""One reader per format: bytes in, a Document out. The suffix of the name picks the reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from rag.errors import UnreadableDocument
from rag.ingestion.readers import html, markdown, pdf, text
from rag.types import Document

Reader = Callable[[str, bytes], Document]

#: Suffix of the name, in small letters -> the reader of files that hold one document.
READERS: dict[str, Reader] = {
    ".md": markdown.read,
    ".markdown": markdown.read,
    ".txt": text.read,
    ".text": text.read,
    ".rst": text.read,
    ".html": html.read,
    ".htm": html.read,
    ".pdf": pdf.read,
}


#: Readers whose parsers may take time and memory out of all proportion to the file; see `rag.ingestion.apart`.
GREEDY = frozenset({html.read, pdf.read})


def reader_for(name: str) -> Reader:
    """The reader that the suffix of `name` picks.

    Raises:
        UnreadableDocument: there is none.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in READERS:
        raise UnreadableDocument(f"no reader for {suffix or 'a name without suffix'}; known are {', '.join(READERS)}")
    return READERS[suffix]


def parse_bytes(name: str, data: bytes) -> Document:
    """The document that `data` holds; its id is `name`, whose suffix says how to read it.

    Raises:
        UnreadableDocument: no reader for the suffix, not what the suffix says, or no text in it.
        ConfigError: the reader's library is not installed.
    """
    document = reader_for(name)(name, data)
    if not document.text.strip():
        raise UnreadableDocument("it holds no text")
    return document
