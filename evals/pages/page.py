"""The page: an overview of all runs, then a section for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from evals.errors import CannotMeasure
from evals.pages import decisions, latency, plain, plan, profile, quality, soak, sweep, waterfall
from evals.pages.found import SUITE, Found
from evals.report.markup import Markup, tag
from evals.report.page import page, section, table

#: What a section says of the measurements of its kind.
Contents = Callable[[Sequence[Found]], Markup]
#: Heading and contents of each kind, in the page's order; the rest is shown as plain figures.
KINDS: Mapping[str, tuple[str, Contents]] = {
    SUITE: ("Suites", plain.suites),
    "retrieval": ("Retrieval", quality.retrieval),
    "answers": ("Answers", quality.answers),
    "gate": ("Gates", quality.gates),
    "cache": ("Cache decision", decisions.cache),
    "routing": ("Routing decision", decisions.routing),
    "sweep": ("Sustained rate", sweep.section),
    "latency": ("Latency under load", latency.section),
    "waterfall": ("Where the time goes", waterfall.section),
    "profile": ("What the service computes", profile.section),
    "soak": ("Soak", soak.section),
    "plan": ("Capacity and cost", plan.section),
}


def write(found: Sequence[Found], out: Path) -> None:
    """Write the page.

    Raises:
        CannotMeasure: it cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(render(found), encoding="utf-8")
    except OSError as error:
        raise CannotMeasure(f"cannot write {out}: {error}") from error


def render(found: Sequence[Found]) -> str:
    """The page of at least one measurement."""
    by_kind: dict[str, list[Found]] = {kind: [] for kind in KINDS}
    for each in [*found, *waterfall.of_runs(found)]:
        by_kind.setdefault(each.kind, []).append(each)
    groups = [(kind, *_kind(kind), group) for kind, group in by_kind.items() if group]
    links = [tag("li", tag("a", heading, href=f"#{kind}")) for kind, heading, _, _ in groups]
    parts = [section(heading, contents(group), anchor=kind) for kind, heading, contents, group in groups]
    title = f"Evaluation: {found[0].name}" if len(found) == 1 else f"Evaluation: {len(found)} runs"
    when = tag("p", _when(found), class_="soft")
    return page(
        title, tag("h1", title), when, tag("nav", tag("ul", links), aria_label="Sections"), parts, _where(found)
    )


def _kind(name: str) -> tuple[str, Contents]:
    return KINDS.get(name, (name.capitalize(), plain.figures))


def _when(found: Sequence[Found]) -> str:
    starts = sorted(each.run.started_at for each in found if each.run is not None)
    if not starts:
        return "Printed figures, without a run folder."
    first, last = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}" for at in (starts[0], starts[-1]))
    return f"{first} UTC" if first == last else f"{first} to {last} UTC"


def _where(found: Sequence[Found]) -> Markup | None:
    """Of each stored run where it was made, and how to tell it from others."""
    rows = []
    for each in found:
        if each.run is not None:
            where = each.run.environment
            system = str(where.get("platform")).partition("-with-")[0]
            machine = f"{where.get('cpu_count')} processors, Python {where.get('python')}, {system}"
            packages = where.get("packages", {})
            rows.append(
                (each.name, each.kind, (each.run.git or "unknown")[:12], packages.get("steadyrag", "–"), machine)
            )
    if not rows:
        return None
    heads = ["", "kind", "revision", "steadyrag", "machine"]
    return section("Where it was measured", table("Runs of this page", heads, rows), anchor="machines")
