"""HTML: what a reader would read, as Markdown, without the furniture of the page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from rag.errors import ConfigError, UnreadableDocument
from rag.ingestion.readers.text import decode
from rag.types import Document

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_DROPPED_TAG = re.compile("script|style|nav|footer|aside|noscript|template|svg|iframe|object|button|select|textarea")
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
#: Elements that stand on lines of their own; those with a hyphen in their name are the page's inventions.
_BLOCK_TAG = re.compile(
    r"address|article|blockquote|body|caption|center|d[dlt]|details|dialog|div|fieldset|fig(?:caption|ure)|form|header"
    r"|hgroup|h[1-6r]|legend|li|main|[ou]l|p|pre|section|summary|t(?:able|body|[dhr]|foot|head)|.*-.*"
)
#: A table that holds one of these lays out a page; its cells are read as plain blocks.
_LAYOUT_TAG = re.compile(r"table|h[1-6]|pre|[ou]l")
_DECLARED = re.compile(rb"""<meta[^>]{1,200}?charset\s*=\s*["']?\s*([\w-]{1,20})""", re.IGNORECASE)
#: Encodings that a page may name; Python's other codecs are no character sets of the web.
_ENCODINGS = re.compile(
    r"windows-\d+|iso-8859-\d+|koi8-[ru]|shift_jis|euc-(?:jp|kr)|gb2312|gbk|gb18030|big5|macintosh|us-ascii",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")
#: Stands for an element that breaks the line; no text of a parsed page holds it.
_BREAK = "\x00"
_INLINE_MARKS = re.compile(r"([\\`*_\[\]<&|~#])")
_LINE_MARKS = re.compile(r"^(\d*)([-+=>.)])")
#: The sign that documentation tools put after a heading for linking to it.
_ANCHOR = "¶"
_HARD_BREAK = "\\\n"
#: Lists in lists that are indented as such: Markdown's parser loses the text of deeper ones, and indenting costs.
_MAX_DEPTH = 19
_BACKTICKS = re.compile("`{3,}")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a text lands.

    Attributes:
        block: the nearest block element, by its address; texts of one block are one paragraph.
        kind: "p", "pre", "cell", "drop" or the heading's tag.
        depth: lists around it.
        item, ordered: the list item it is in, and the numbered list that item belongs to (0: none, bullets).
        table, row: of a cell.
    """

    block: int
    kind: str = "p"
    depth: int = 0
    item: int = 0
    ordered: int = 0
    table: int = 0
    row: int = 0


class _Text(NamedTuple):
    place: _Place
    text: str


def read(name: str, data: bytes) -> Document:
    """The page as Markdown; the title is that of its head, the first h1 or the name's stem.

    Raises:
        UnreadableDocument: the bytes are no text.
        ConfigError: selectolax is not installed.
    """
    text, title = to_markdown(decode(data, _declared(data)))
    return Document(id=name, text=text, title=title or PurePosixPath(name).stem, format="markdown")


def to_markdown(markup: str) -> tuple[str, str]:
    """The page's own text as Markdown, and its title or "".

    Raises:
        UnreadableDocument: it takes more memory than this process may have.
        ConfigError: selectolax is not installed.
    """
    try:
        from selectolax.lexbor import LexborHTMLParser, SelectolaxError  # noqa: PLC0415 - an extra, loaded when needed
    except ImportError as error:
        raise ConfigError("reading HTML needs selectolax: pip install 'steadyrag[documents]'") from error
    try:
        page = LexborHTMLParser(markup)
    except SelectolaxError as error:  # what a parser of HTML5, to which all is well-formed, says when memory ends
        raise UnreadableDocument("its elements swell to more than the memory allowed for reading") from error
    root = _root(page)
    return ("\n\n".join(_render(_texts(root))) if root else ""), _title(page)


def _declared(data: bytes) -> str | None:
    match = _DECLARED.search(data[:2048])
    name = match[1].decode() if match else ""
    return name if _ENCODINGS.fullmatch(name) else None


def _title(page: LexborHTMLParser) -> str:
    for node in (page.css_first("head title"), page.css_first("h1")):
        title = _SPACE.sub(" ", node.text()).strip() if node else ""
        if title:
            return title
    return ""


def _root(page: LexborHTMLParser) -> LexborNode | None:
    """The part that holds the content: main, a lone article, or the body."""
    articles = page.css("article")
    for node in (page.css_first("main"), articles[0] if len(articles) == 1 else None):
        if node and node.text().strip():
            return node
    return page.body


def _texts(root: LexborNode) -> list[_Text]:
    """The texts in the page's order, one for each stretch of one block. Iterative: pages nest as deep as they like."""
    places: dict[int, _Place] = {}
    pieces: list[tuple[_Place, str]] = []
    layout = _layout_tables(root)
    for node in root.traverse(include_text=True):
        above = places.get(_parent(node)) or _Place(block=root.mem_id)
        tag = node.tag or ""
        if tag == "-text":
            pieces.append((above, node.text_content or ""))
        elif not tag.startswith("-"):
            place = _enter(tag, node.mem_id, above, whole_page=root.tag == "body")
            places[node.mem_id] = replace(place, table=0) if node.mem_id in layout else place
            if tag == "br" or (above.kind == "cell" and _BLOCK_TAG.fullmatch(tag)):
                pieces.append((above, _BREAK))
            elif place.kind == "cell":
                pieces.append((place, ""))  # an empty cell keeps its column
    grouped = groupby((piece for piece in pieces if piece[0].kind != "drop"), key=lambda piece: piece[0])
    texts = (_Text(place, _clean(place, "".join(text for _, text in group))) for place, group in grouped)
    return [text for text in texts if text.text.strip() or text.place.kind == "cell"]


def _layout_tables(root: LexborNode) -> set[int]:
    around: dict[int, int] = {}
    layout: set[int] = set()
    for node in root.traverse():
        tag, table = node.tag or "", around.get(_parent(node), 0)
        if table and _LAYOUT_TAG.fullmatch(tag):
            layout.add(table)
        around[node.mem_id] = node.mem_id if tag == "table" else table
    return layout


def _parent(node: LexborNode) -> int:
    return node.parent.mem_id if node.parent else 0


def _enter(tag: str, at: int, above: _Place, *, whole_page: bool) -> _Place:
    """The place that the element at `at` opens inside `above`; inline elements open none."""
    if above.kind == "drop" or _DROPPED_TAG.fullmatch(tag) or (tag == "header" and whole_page):
        return replace(above, kind="drop")
    if above.kind in ("pre", "cell") or not _BLOCK_TAG.fullmatch(tag):
        return above
    place = replace(above, block=at, kind="p")
    if tag in ("ul", "ol"):
        place = replace(place, depth=above.depth + 1, ordered=at if tag == "ol" else 0)
    elif tag == "li":
        place = replace(place, item=at)
    elif tag == "table":
        place = replace(place, table=at)
    elif tag == "tr":
        place = replace(place, row=at)
    elif tag in ("td", "th") and above.table:
        place = replace(place, kind="cell")
    elif tag in _HEADINGS or tag == "pre":
        place = replace(place, kind=tag)
    return place


def _clean(place: _Place, text: str) -> str:
    """The text of one block: code as it is; prose with its spaces folded and Markdown's marks escaped."""
    if place.kind == "pre":
        return text.replace(_BREAK, "\n").strip("\n")
    lines = (_SPACE.sub(" ", line).strip() for line in text.split(_BREAK))
    escaped = (_LINE_MARKS.sub(r"\1\\\2", _INLINE_MARKS.sub(r"\\\1", line)) for line in lines if line)
    if place.kind == "p":
        return _HARD_BREAK.join(escaped)
    return " ".join(escaped).removesuffix(_ANCHOR).rstrip()


def _render(texts: list[_Text]) -> Iterator[str]:
    """Markdown blocks; a list item's first text bears its marker, further ones are indented below it."""
    numbers: Counter[int] = Counter()
    begun: set[int] = set()
    level = 0
    for table, group in groupby(texts, key=lambda text: text.place.table if text.place.kind == "cell" else 0):
        if table:
            yield _table(group)
            level = 0
            continue
        for place, text in group:
            level = min(place.depth, level + 1, _MAX_DEPTH) if place.item and place.kind not in _HEADINGS else 0
            marker = ""
            if level and place.item not in begun:
                begun.add(place.item)
                numbers[place.ordered] += 1
                marker = f"{numbers[place.ordered]}." if place.ordered else "-"
            yield _indented(_block(place, text), level, marker)


def _block(place: _Place, text: str) -> str:
    if place.kind == "pre":
        fence = max(["```", *(f"{run}`" for run in _BACKTICKS.findall(text))], key=len)
        return f"{fence}\n{text}\n{fence}"
    return f"{_HEADINGS[place.kind]} {text}" if place.kind in _HEADINGS else text


def _indented(text: str, level: int, marker: str) -> str:
    """The block inside `level` lists, each of which indents by four."""
    if not level:
        return text
    return " " * 4 * (level - 1) + marker.ljust(4) + text.replace("\n", "\n" + " " * 4 * level)


def _table(cells: Iterable[_Text]) -> str:
    """A table in GitHub's notation, whose first row is the header; one of a single column is but paragraphs."""
    rows = [[text for _, text in row] for _, row in groupby(cells, key=lambda cell: cell.place.row)]
    rows = [row for row in rows if any(row)]
    width = max(map(len, rows), default=1)
    if width == 1:
        return "\n\n".join(row[0] for row in rows)
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])
