"""The page around plots and tables: one file, no network, no script; light and dark, phone to wide screen, paper.

Templating libraries escape by file name or by filter; here markup is made by `tag` alone, which escapes always.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeAlias

from evals.report.axes import number
from evals.report.markup import Child, Markup, tag

_VIEWPORT = "width=device-width, initial-scale=1"
#: How a number begins, or what stands where there is none.
_NUMBER = re.compile(r"[\d−–∞]")
#: A cell of a table: text, markup, or a number.
Cell: TypeAlias = str | float | None


@dataclass(frozen=True, slots=True)
class Card:
    """A key figure.

    Attributes:
        name: what it is.
        value: as it is to be read, with its unit.
        note: beside it, as its target.
        met: whether it meets the target; None where it has none.
    """

    name: str
    value: str
    note: str = ""
    met: bool | None = None


def page(title: str, *body: Child) -> str:
    """A whole document, well-formed as XML too."""
    head = tag(
        "head",
        Markup('<meta charset="utf-8"/>'),
        Markup(f'<meta name="viewport" content="{_VIEWPORT}"/>'),
        tag("title", title),
        tag("style", Markup(files(__package__).joinpath("style.css").read_text(encoding="utf-8"))),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', tag('main', *body)), lang='en')}\n"


def section(heading: str, *children: Child, anchor: str | None = None, badge: Markup | None = None) -> Markup:
    """A part of the page, which links find by `anchor`."""
    return tag("section", tag("h2", heading, [" ", badge] if badge else None), *children, id=anchor)


def badge(word: str, *, good: bool) -> Markup:
    """A verdict in a word; the sign says it without colour."""
    return tag("span", f"{'✓' if good else '✗'} {word}", class_=f"badge {'good' if good else 'bad'}")


def cards(chosen: Iterable[Card]) -> Markup:
    """Key figures side by side."""
    return tag("dl", map(_card, chosen), class_="cards")


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Markup:
    """A table in a box of its own, which scrolls where the screen is narrow.

    Columns of numbers, or of texts that begin with one, stand right; the first cell of a row is its head.
    """
    told = [[_told(cell) for cell in row] for row in rows]
    sides = [None, *("number" if all(map(_NUMBER.match, cells)) else None for cells in [*zip(*told, strict=True)][1:])]
    sides += [None] * (len(head) - len(sides))
    body = [tag("tr", tag("th", first, scope="row"), map(_cell, cells, sides[1:])) for first, *cells in told]
    heads = [tag("th", name, scope="col", class_=side) for name, side in zip(head, sides, strict=True)]
    inner = tag("table", tag("thead", tag("tr", heads)), tag("tbody", body), aria_label=caption)
    scrolling = tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)
    return tag("div", tag("p", caption, class_="caption"), scrolling)


def tables(*made: Markup) -> Markup:
    """Tables, or figures, side by side where there is room."""
    return tag("div", made, class_="tables")


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Names and what they are, one pair a line where there is room."""
    return tag("dl", ([tag("dt", name), tag("dd", told)] for name, told in pairs), class_="facts")


def listing(text: str) -> Markup:
    """Commands or a file, as they are."""
    return tag("pre", tag("code", text))


def _card(card: Card) -> Markup:
    style = None if card.met is None else "good" if card.met else "bad"
    note = f"{card.note}{'' if card.met is not False else ': missed'}"
    parts = [tag("dt", card.name), tag("dd", card.value, class_="value"), tag("dd", note, class_="note")]
    return tag("div", parts, class_=style)


def _told(value: Cell) -> str:
    return value if isinstance(value, str) else number(value)


def _cell(told: str, side: str | None) -> Markup:
    return tag("td", told, class_=side)
