"""Markdown, with or without YAML front matter, and the parser that the cutting shares."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from rag.ingestion.readers.text import decode
from rag.types import Document

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

#: From a first line of dashes to the next; its first line must look like YAML, since dashes also draw a rule.
_FRONT_MATTER = re.compile(
    r"\A---[ \t]*\n(?=[^\n]*:|#|---)(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
#: A title on one line; the block scalars of YAML are passed over.
_TITLE = re.compile(r"""^title:(?![ \t]*[|>])[ \t]*(["']?)(.+?)\1[ \t]*$""", re.MULTILINE)
#: Blocks nested deeper lose their text in the parser: its own limit of 20 allows ten lists in each other. Hostile
#: input costs time in proportion to it.
_MAX_NESTING = 40
#: Where a title is looked for: parsing takes time in proportion to the text, and the cutting parses all of it anyway.
_TITLE_CHARS = 100_000


def read(name: str, data: bytes) -> Document:
    """The Markdown without its front matter; the title is the front matter's, the first h1 or the name's stem.

    Raises:
        UnreadableDocument: the bytes are no text.
    """
    text, title = _split(decode(data))
    title = title or _first_heading(text) or PurePosixPath(name).stem
    return Document(id=name, text=text, title=title, format="markdown")


def parse(markdown: str) -> list[Token]:
    """The tokens of CommonMark with tables and strikethrough."""
    return _parser().parse(markdown)


def plain(inline: Token) -> str:
    """What a reader sees of an inline token: no emphasis, no link targets, no tags; images give their description."""
    return "".join(map(_seen, inline.children or [])).strip()


def _seen(token: Token) -> str:
    if token.type == "softbreak":
        return " "
    if token.type == "hardbreak" or (token.type == "html_inline" and token.content.lower().startswith("<br")):
        return "\n"
    if token.type == "image":
        return plain(token)
    return "" if token.type == "html_inline" else token.content


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only to cut and read Markdown

    return MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable(["table", "strikethrough"])


def _split(text: str) -> tuple[str, str]:
    """The text without the front matter, and the front matter's title or ""."""
    front = _FRONT_MATTER.match(text)
    if front is None:
        return text, ""
    title = _TITLE.search(front[1])
    return text[front.end() :], title[2].strip() if title else ""


def _first_heading(markdown: str) -> str:
    """The text of the first heading of level 1 near the top, or ""."""
    for opening, inline in pairwise(parse(markdown[:_TITLE_CHARS])):
        if opening.type == "heading_open" and opening.tag == "h1" and (title := plain(inline)):
            return title.replace("\n", " ")
    return ""
