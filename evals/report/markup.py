"""HTML and SVG as values: whatever is not markup already is escaped, so that no name or text can become code.

What is made here is well-formed XML and valid HTML at once ("polyglot markup", W3C 2015).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

#: What no XML may hold: control characters, and halves of surrogate pairs.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Child: TypeAlias = str | float | Iterable["Child"] | None


def tag(name: str, *children: Child, **attributes: str | float | None) -> Markup:
    """An element.

    Args:
        name: of the element.
        children: markup as it is, other text escaped, None left out, and what is iterable one by one.
        attributes: `class_` is `class`, `stroke_width` is `stroke-width`; None is left out.
    """
    return Markup(f"<{name}{_attributes(attributes)}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    """The children after each other."""
    return Markup("".join(map(_text, children)))


def percent(share: float) -> str:
    """A share of the width or height, as an SVG length: the same drawing then fits every screen."""
    return f"{share * 100:.2f}%"


def _text(child: Child) -> str:
    if child is None or isinstance(child, Markup):
        return child or ""
    if isinstance(child, str | int | float):
        return escape(_UNSPEAKABLE.sub("\ufffd", str(child)))
    return join(child)


def _attributes(attributes: dict[str, str | float | None]) -> str:
    told = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value is not None}
    return "".join(f' {name}="{_text(value)}"' for name, value in told.items())
