"""PDF: the text that its pages carry. Scanned pages carry none; reading those is another program's work."""

from __future__ import annotations

import logging
import re
import unicodedata
from io import BytesIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from rag.errors import ConfigError, UnreadableDocument
from rag.types import Document

if TYPE_CHECKING:
    from pypdf import PdfReader

MAX_PAGES = 5_000
MAX_CHARS = 20_000_000

_LIGATURES = re.compile("[\ufb00-\ufb06]")
#: The dots that lead to a page number in a table of contents.
_LEADERS = re.compile(r"\.(?:[ \t]?\.){3,}")
_HYPHEN = re.compile(r"[^\W\d_][-\u00ad\u2010]$")
_ITEM = re.compile(r"(?:[-*•▪‣–]|\d{1,3}[.)])\s")
#: A line shorter than this share of the page's longest one may close a paragraph.
_SHORT = 0.7


def read(name: str, data: bytes) -> Document:
    """The pages' text, paragraphs separated by blank lines; the title is the file's own or the name's stem.

    Raises:
        UnreadableDocument: broken, encrypted, over `MAX_PAGES` or `MAX_CHARS`.
        MemoryError: its pages unpack to more than there is.
        ConfigError: pypdf is not installed.
    """
    try:
        import pypdf  # noqa: PLC0415 - an extra, loaded when first needed
    except ImportError as error:
        raise ConfigError("reading PDF needs pypdf: pip install 'steadyrag[documents]'") from error
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns of every flaw that it mends
    try:
        reader = pypdf.PdfReader(BytesIO(data))
        text, title = _pages(reader), _title(reader)
    except (UnreadableDocument, MemoryError):
        raise
    except (pypdf.errors.FileNotDecryptedError, pypdf.errors.DependencyError) as error:
        raise UnreadableDocument("the PDF is encrypted") from error
    except Exception as error:  # broken input makes pypdf raise anything, KeyError and RecursionError included
        raise UnreadableDocument(f"broken PDF: {type(error).__name__}: {error}") from error
    return Document(id=name, text=text, title=title or PurePosixPath(name).stem)


def _title(reader: PdfReader) -> str:
    title = reader.metadata.title if reader.metadata else None
    return " ".join(title.split()) if title else ""


def _pages(reader: PdfReader) -> str:
    if len(reader.pages) > MAX_PAGES:
        raise UnreadableDocument(f"{len(reader.pages)} pages, more than {MAX_PAGES}")
    pages: list[str] = []
    left = MAX_CHARS
    for page in reader.pages:
        pages.append(paragraphs(page.extract_text()))
        left -= len(pages[-1])
        if left < 0:
            raise UnreadableDocument(f"more than {MAX_CHARS} characters of text")
    return "\n\n".join(page for page in pages if page)


def paragraphs(text: str) -> str:
    """The lines of a page joined into paragraphs, words that a line end cuts made whole."""
    text = _LIGATURES.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    lines = [_LEADERS.sub("…", line).strip() for line in text.split("\n")]
    short = _SHORT * max(map(len, lines))
    joined: list[list[str]] = []
    previous = ""
    for line in lines:
        if line and previous and _continues(previous, line, short):
            _attach(joined[-1], line)
        elif line:
            joined.append([line])
        previous = line
    return "\n\n".join(map("".join, joined))


def _continues(previous: str, line: str, short: float) -> bool:
    """Whether `line` goes on with the paragraph of the line before it."""
    if _HYPHEN.search(previous):
        return True
    return not _ITEM.match(line) and (len(previous) >= short or line[0].islower())


def _attach(paragraph: list[str], line: str) -> None:
    """Add the line; in pieces, since a paragraph of many lines would be copied with each."""
    if not _HYPHEN.search(paragraph[-1]):
        paragraph.append(" ")
    elif line[0].islower():
        paragraph[-1] = paragraph[-1][:-1]
    paragraph.append(line)
