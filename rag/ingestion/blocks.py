"""A document as a row of blocks under headings: the structure that the cutting respects.

The text of a block is what a reader sees: emphasis and link targets are gone, code is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import groupby
from typing import TYPE_CHECKING, Literal, NamedTuple

from rag.ingestion.readers import html, markdown
from rag.types import Document

if TYPE_CHECKING:
    from markdown_it.token import Token

#: A longer "heading" is a paragraph in disguise.
MAX_HEADING_CHARS = 200

_BLANK_LINES = re.compile(r"\n[ \t\r]*(?:\n[ \t\r]*)+")
#: What a browser does not show of a piece of HTML. Each alternative ends at the text's end, so this stays linear.
_UNSEEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)|<[/!?a-z][^<>]*>", re.DOTALL | re.IGNORECASE
)


class Heading(NamedTuple):
    """A heading by its position among the document's blocks, which tells two of the same wording apart."""

    number: int
    text: str


#: The headings above a text, outermost first.
Path = tuple[Heading, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list, table, piece of code or heading.

    Attributes:
        kind: "prose" is cut between sentences, "lines" (code, tables) between lines, "heading" not at all.
        text: for the reader, without `head` and `tail`.
        path: the headings above it; of a heading, itself included.
        head: what every piece of a block that is cut begins with: the fence of code, the first row of a table.
        tail: what every piece ends with.
        level: of a heading, 1 to 6.
    """

    kind: Literal["prose", "lines", "heading"]
    text: str
    path: Path = ()
    head: str = ""
    tail: str = ""
    level: int = 0

    @property
    def whole(self) -> str:
        """The text as it reads when the block is not cut."""
        return f"{self.head}{self.text}{self.tail}"


@dataclass(frozen=True, slots=True)
class Section:
    """Neighbouring blocks that lie under the same headings."""

    path: Path
    blocks: tuple[Block, ...]


def sections(document: Document) -> list[Section]:
    """The document's sections in order, none of them empty.

    Raises:
        ConfigError: the document is HTML and selectolax is not installed.
    """
    if document.format == "text":
        paragraphs = tuple(Block("prose", text) for text in _BLANK_LINES.split(document.text.strip()) if text)
        return [Section((), paragraphs)] if paragraphs else []
    source = document.text if document.format == "markdown" else html.to_markdown(document.text)[0]
    blocks = list(_place(_blocks(source)))
    paths = _section_paths(blocks)
    grouped = groupby(zip(paths, blocks, strict=True), key=lambda pair: pair[0])
    return [Section(path, tuple(block for _, block in pairs)) for path, pairs in grouped]


def _place(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks, each with the headings above it."""
    path: Path = ()
    levels: list[int] = []
    for number, block in enumerate(blocks):
        if block.kind == "heading":
            levels = [level for level in levels if level < block.level]
            path = (*path[: len(levels)], Heading(number, block.text))
            levels.append(block.level)
        yield replace(block, path=path)


def _section_paths(blocks: Sequence[Block]) -> list[Path]:
    """The section of each block: a heading goes with the text below it, and where there is none, above it."""
    paths: list[Path] = []
    below: Path = ()
    for block in reversed(blocks):
        if block.kind != "heading":
            below = block.path
        elif below[: len(block.path)] != block.path:
            below = block.path[:-1]
        paths.append(below)
    return paths[::-1]


def _blocks(source: str) -> Iterator[Block]:
    for tokens in _top_level(markdown.parse(source)):
        block = _block(tokens)
        if block.text.strip():
            yield block


def _top_level(tokens: Iterable[Token]) -> Iterator[list[Token]]:
    """The tokens of each outermost block."""
    group: list[Token] = []
    for token in tokens:
        group.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield group
            group = []


def _block(tokens: Sequence[Token]) -> Block:
    first = tokens[0]
    if first.type in ("fence", "code_block"):
        fence = first.markup or "```"
        language = first.info.split()[0][:20] if first.info.split() else ""
        return Block("lines", first.content.rstrip(), head=f"{fence}{language}\n", tail=f"\n{fence}")
    if first.type == "table_open":
        header, *rows = _rows(tokens)
        return Block("lines", "\n".join(rows), head=f"{header}\n") if rows else Block("lines", header)
    if first.type == "heading_open":
        text = " ".join(markdown.plain(tokens[1]).split())
        if len(text) <= MAX_HEADING_CHARS:
            level = int(first.tag[1])
            return Block("heading", text, head="#" * level + " ", level=level)
        return Block("prose", text)
    return Block("prose", _prose(tokens))


def _rows(tokens: Iterable[Token]) -> Iterator[str]:
    cells: list[str] = []
    for token in tokens:
        if token.type == "inline":
            cells.append(markdown.plain(token))
        elif token.type == "tr_close":
            yield " | ".join(cells)
            cells = []


def _prose(tokens: Iterable[Token]) -> str:
    """Paragraphs, quotations and lists as text; a list keeps its markers and indents by two."""
    pieces: list[str] = []
    marker, depth = "", 0
    for token in tokens:
        if token.type.endswith("_list_open"):
            depth += 1
        elif token.type.endswith("_list_close"):
            depth -= 1
        elif token.type == "list_item_open":
            marker = f"{token.info}{token.markup}" if token.info else "-"
        elif leaf := _leaf(token):
            lead = "  " * (depth - 1) + (f"{marker} " if marker else "  ") if depth else ""
            pieces += ["\n" if depth else "\n\n", lead, leaf.replace("\n", "\n" + "  " * depth)]
            marker = ""
    return "".join(pieces).strip("\n")


def _leaf(token: Token) -> str:
    if token.type == "inline":
        return markdown.plain(token)
    if token.type == "html_block":
        return unescape(_UNSEEN.sub("", token.content)).strip()
    return token.content.rstrip()
