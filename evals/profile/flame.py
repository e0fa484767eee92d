"""Flame graphs from sampled stacks (Gregg, "The flame graph", CACM 59.6, 2016), as a page without scripts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evals.errors import CannotMeasure
from evals.report.layers import Key
from evals.report.markup import Markup, percent, tag
from evals.report.page import page, section, table
from evals.report.plot import figure, picture

ROW_PX = 17
#: Frames of a smaller share are not drawn.
LEAST = 0.001
#: Functions that are listed.
LISTED = 25
#: Whose code a frame is, and its style.
OWNERS = {"steadyrag": 1, "libraries": 2, "Python": 6}
_OWN = ("rag/", "cache/", "router/", "evals/", "chaos/")
_IMPORTS = "(<frozen importlib."
_WAITING = "_worker (concurrent/futures/thread.py)"
_LINE = re.compile(r":\d+\)$")


@dataclass(slots=True)
class Frame:
    """A function where it was called from; `samples` were taken in it or in what it called, `own` in itself."""

    name: str
    samples: int = 0
    own: int = 0
    called: dict[str, Frame] = field(default_factory=dict)


def read_stacks(text: str) -> Frame:
    """The tree of py-spy's raw format: on each line frames from the outermost, with `;` between, and a count.

    Left out are imports, which belong to the start, and a pool's threads in their own loop: these wait for work, which
    py-spy does not always notice.

    Raises:
        CannotMeasure: there are none.
    """
    root = Frame("all")
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_LINE.sub(")", frame) for frame in stack.split(";")]
        if stack and _IMPORTS not in stack and frames[-1] != _WAITING:
            _add(root, frames, int(count))
    if not root.samples:
        raise CannotMeasure("no samples were taken: the service was idle, or the system forbids looking into processes")
    return root


def summary(root: Frame) -> dict[str, Any]:
    """Samples, and the functions in which most were taken: shares in themselves, and with what they called."""
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for frame, outer in _walk(root, ()):
        own[frame.name] += frame.own
        if frame.name not in outer:  # a function that calls itself is counted once
            within[frame.name] += frame.samples
    top = [
        {"function": name, "own": count / root.samples, "with_called": within[name] / root.samples}
        for name, count in own.most_common(LISTED)
        if count
    ]
    return {"samples": root.samples, "top": top}


def document(root: Frame, title: str) -> str:
    """The page: the graph, outermost calls on top, and the table of functions."""
    depth = max(len(outer) for _, outer in _walk(root, ())) + 1
    boxes = list(_boxes(root, 0.0, 0, root.samples))
    svg = picture(title, "Each box is a function, as wide as its share of the samples", depth * ROW_PX, boxes)
    keys = [Key(owner, "area", f"tint s{style}") for owner, style in OWNERS.items()]
    graph = figure("Samples", "", keys, svg, bare=True)
    return page(title, tag("h1", title), graph, section("Functions", functions(summary(root))))


def functions(found: Mapping[str, Any]) -> Markup:
    """The table of a `summary`."""
    rows = [[each["function"], f"{each['own']:.1%}", f"{each['with_called']:.1%}"] for each in found["top"]]
    return table("Functions by their own share", ["function", "itself", "with what it called"], rows)


def _add(root: Frame, stack: Sequence[str], count: int) -> None:
    frame = root
    frame.samples += count
    for name in stack:
        frame = frame.called.setdefault(name, Frame(name))
        frame.samples += count
    frame.own += count


def _walk(frame: Frame, outer: tuple[str, ...]) -> Iterator[tuple[Frame, tuple[str, ...]]]:
    """Every frame with the names of those around it."""
    yield frame, outer
    for inner in frame.called.values():
        yield from _walk(inner, (*outer, frame.name))


def _boxes(frame: Frame, start: float, depth: int, whole: int) -> Iterator[Markup]:
    share = frame.samples / whole
    if share < LEAST:
        return
    yield _box(frame, start, depth, share)
    for inner in sorted(frame.called.values(), key=lambda each: each.name):
        yield from _boxes(inner, start, depth + 1, whole)
        start += inner.samples / whole


def _box(frame: Frame, start: float, depth: int, share: float) -> Markup:
    told = tag("title", f"{frame.name}: {share:.1%}, itself {frame.own / frame.samples:.0%} of that")
    area = tag("rect", width="100%", height=ROW_PX - 1, class_=f"tint s{_style(frame.name)}")
    text = tag("text", frame.name, x=3, y=ROW_PX - 5) if share > 0.02 else None
    x, width = percent(start), percent(share)
    return tag("svg", told, area, text, x=x, y=depth * ROW_PX, width=width, height=ROW_PX, class_="cut")


def _style(name: str) -> int:
    _, _, place = name.partition(" (")
    if place.startswith(_OWN):
        return OWNERS["steadyrag"]
    return OWNERS["libraries"] if "/" in place else OWNERS["Python"]
