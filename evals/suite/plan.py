"""Suite files: TOML with one table for each step."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.errors import CannotMeasure

_KEYS = {"name", "run", "needs"}


@dataclass(frozen=True, slots=True)
class Step:
    """One command.

    Attributes:
        name: unique, and fit for a file's name.
        run: words after `steadyrag`.
        needs: names of earlier steps that must have passed.
    """

    name: str
    run: tuple[str, ...]
    needs: tuple[str, ...] = ()


def read_suite(path: Path) -> list[Step]:
    """The steps of the file, in its order.

    Raises:
        CannotMeasure: it cannot be read or is not what it should be.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CannotMeasure(f"{path} cannot be read: {error}") from error
    tables = content.get("step")
    if content.keys() != {"step"} or not isinstance(tables, list) or not tables:
        raise CannotMeasure(f"{path} wants [[step]] tables and nothing else")
    steps: list[Step] = []
    for number, table in enumerate(tables, start=1):
        try:
            steps.append(_step(table, {step.name for step in steps}))
        except ValueError as error:
            raise CannotMeasure(f"{path}, step {number}: {error}") from error
    return steps


def _step(table: dict[str, Any], earlier: set[str]) -> Step:
    if unknown := table.keys() - _KEYS:
        raise ValueError(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(sorted(_KEYS))}")
    name = table.get("name")
    if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum() or name in earlier:
        raise ValueError("name wants letters, digits, - and _, and no other step's name")
    run, needs = _words(table, "run"), _words(table, "needs")
    if not run or run[:2] == ("eval", "suite"):
        raise ValueError("run wants the words of a command other than eval suite")
    if missing := set(needs) - earlier:
        raise ValueError(f"needs {', '.join(sorted(missing))}, which is no earlier step")
    return Step(name, run, needs)


def _words(table: dict[str, Any], key: str) -> tuple[str, ...]:
    words = table.get(key, [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{key} is not a list of strings")
    return tuple(words)
