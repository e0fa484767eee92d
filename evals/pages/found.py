"""What a report is made of: run folders, suites and printed figures, told apart by kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from evals.errors import CannotMeasure
from evals.runs import Run, has_run, load_run

SUITE = "suite"
_SUITE_FILE = "suite.json"
#: Keys that only figures of a kind have, for what a command printed.
MARKS: Mapping[str, frozenset[str]] = {
    "cache": frozenset({"policies", "recall_at_precision"}),
    "routing": frozenset({"sources", "splits"}),
    "retrieval": frozenset({"modes", "n_docs"}),
    "answers": frozenset({"citation_precision", "abstention"}),
    "sweep": frozenset({"points", "max_sustainable_rps"}),
    "soak": frozenset({"trends", "leaks"}),
    "latency": frozenset({"offered_rps", "achieved_rps"}),
    "gate": frozenset({"regressed", "measures"}),
    "waterfall": frozenset({"stages", "runs"}),
    "profile": frozenset({"samples", "top"}),
    "plan": frozenset({"path", "assumptions"}),
    SUITE: frozenset({"steps"}),
}


@dataclass(frozen=True, slots=True)
class Found:
    """One measurement.

    Attributes:
        name: what the page calls it.
        kind: of the run, as "latency".
        figures: what came out.
        rows: of its requests or queries; none where only the figures are known.
        run: where, when and how; None where only the figures are known.
        folder: of the run.
    """

    name: str
    kind: str
    figures: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    run: Run | None = None
    folder: Path | None = None


def find(paths: Sequence[Path]) -> list[Found]:
    """All measurements below the paths, of each kind in their order.

    A path is a run folder, a folder that holds some, or a file with what a command printed with `--json`. What a
    suite's steps printed is taken too, where no run folder holds the same.

    Raises:
        CannotMeasure: a path holds no measurement, or one that cannot be read.
    """
    found: list[Found] = []
    for path in paths:
        here = list(_printed(path) if path.is_file() else _stored(path))
        if not here:
            raise CannotMeasure(f"{path} holds no run")
        found += here
    stored = [each.figures for each in found if each.run is not None]
    return [each for each in found if each.run is not None or each.figures not in stored]


def kind_of(figures: Mapping[str, Any]) -> str | None:
    """The kind of measurement that has such figures; None for what is none."""
    return next((kind for kind, keys in MARKS.items() if keys <= figures.keys()), None)


def _stored(folder: Path) -> Iterator[Found]:
    runs = [path.parent for path in sorted(folder.rglob("run.json"))]
    sweeps: list[Path] = []
    for each in sorted(runs, key=lambda run: len(run.parts)):
        if any(sweep in each.parents for sweep in sweeps):
            continue  # a rate of a sweep, which tells of it
        run, rows = load_run(each)
        sweeps += [each] if run.kind == "sweep" else []
        yield Found(_name(each, folder), run.kind, run.summary, rows, run, each)
    for path in sorted(folder.rglob(_SUITE_FILE)):
        yield from _suite(path, _name(path.parent, folder))


def _printed(path: Path) -> Iterator[Found]:
    figures = _object(path)
    kind = kind_of(figures)
    if kind is None and has_run(path.parent):
        raise CannotMeasure(f"{path} is a file of a run: name its folder, {path.parent}")
    if kind == SUITE:
        yield from _suite(path, path.stem)
    elif kind is not None:
        yield Found(path.stem, kind, figures)


def _suite(path: Path, name: str) -> Iterator[Found]:
    content = _object(path)
    yield Found(name, SUITE, content)
    for step in _steps(path, content):
        if (kind := kind_of(step.get("figures", {}))) is not None:
            yield Found(f"{name}: {step['name']}", kind, step["figures"])


def _steps(path: Path, content: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    steps = content.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) and "name" in step for step in steps):
        raise CannotMeasure(f"{path} is no suite's")
    return steps


def _object(path: Path) -> dict[str, Any]:
    """What the file holds, or its last line where a command also printed other things."""
    try:
        content = path.read_bytes().strip()
    except OSError as error:
        raise CannotMeasure(f"{path} cannot be read: {error}") from error
    for text in (content, content.rpartition(b"\n")[2]):
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(text)
            if isinstance(value, dict):
                return value
    raise CannotMeasure(f"{path} holds no JSON object")


def _name(folder: Path, base: Path) -> str:
    return base.resolve().name if folder == base else folder.relative_to(base).as_posix()
