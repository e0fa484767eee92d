"""Profiles: the functions that took most of the processor's time; the flame graph is a page of its own."""

from __future__ import annotations

from collections.abc import Sequence

from evals.pages.found import Found
from evals.profile.flame import functions
from evals.report.axes import number
from evals.report.markup import Markup, join, tag


def section(found: Sequence[Found]) -> Markup:
    """Each profile by itself."""
    return join(map(_profile, found))


def _profile(each: Found) -> Markup:
    figures = each.figures
    words = (
        f"{number(figures['samples'])} samples under {number(figures['achieved_rps'])} requests a second; "
        f"flame graph: {figures['out']}"
    )
    return join([tag("h3", each.name), tag("p", words, class_="soft"), functions(figures)])
