"""Run folders: what a measurement was, where it was made and what came out, for reports and gates to read.

run.json            format, kind, when, seed, configuration, summary, environment, git revision
requests.parquet    one row for each request or query
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import orjson

from evals.errors import CannotMeasure

_RUN, _REQUESTS = "run.json", "requests.parquet"
#: Raised when what is stored changes shape; folders from before it was written down have the first one.
FORMAT = 1

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement.

    Attributes:
        kind: the command that made it, as "latency".
        started_at: seconds since the Unix epoch.
        config: what it was asked to do; no secrets.
        summary: what came out.
        environment: see `environment()`.
        git: see `git_revision()`.
    """

    kind: str
    started_at: float
    seed: int
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    environment: Mapping[str, Any]
    git: str | None

    @classmethod
    def made_here(
        cls, kind: str, started_at: float, seed: int, config: Mapping[str, Any], summary: Mapping[str, Any]
    ) -> Self:
        """A measurement of this process."""
        return cls(kind, started_at, seed, config, summary, environment(), git_revision())


def has_run(folder: Path) -> bool:
    """Whether a whole run is stored there."""
    return (folder / _RUN).exists()


def prepare_folder(folder: Path) -> None:
    """Make the folder, and see that a run can be stored there, before the run's time is spent.

    Raises:
        CannotMeasure: it holds a run, cannot be made, or pyarrow is not installed.
    """
    _pyarrow()
    if has_run(folder):
        raise CannotMeasure(f"{folder} already holds a run")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotMeasure(f"cannot make {folder}: {error}") from error


def save_run(folder: Path, run: Run, requests: Sequence[Row]) -> None:
    """Store the run. `run.json` comes last and at once, so a folder that has it is whole.

    Args:
        folder: made by `prepare_folder`.
        run: what is not per request.
        requests: rows; a column that a row lacks is null there.
    """
    pyarrow = _pyarrow()
    names = dict.fromkeys(name for row in requests for name in row)
    table = pyarrow.table({name: [row.get(name) for row in requests] for name in names})
    pyarrow.parquet.write_table(table, folder / _REQUESTS)
    part = folder / f"{_RUN}.part"
    part.write_bytes(orjson.dumps({"format": FORMAT, **asdict(run)}, option=orjson.OPT_INDENT_2))
    part.replace(folder / _RUN)


def load_run(folder: Path) -> tuple[Run, list[dict[str, Any]]]:
    """The run and its rows.

    Raises:
        CannotMeasure: the folder holds no whole run, one of another format, or pyarrow is not installed.
    """
    pyarrow = _pyarrow()
    try:
        run = _run(orjson.loads((folder / _RUN).read_bytes()))
        rows: list[dict[str, Any]] = pyarrow.parquet.read_table(folder / _REQUESTS).to_pylist()
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CannotMeasure(f"{folder} holds no run: {error}") from error
    return run, rows


def _run(told: dict[str, Any]) -> Run:
    if (found := told.pop("format", 1)) != FORMAT:
        raise ValueError(f"its format is {found}, this version reads {FORMAT}; measure again")
    return Run(**told)


def environment() -> dict[str, Any]:
    """Interpreter, system, processors and the version of every installed distribution."""
    packages = {found.metadata["Name"]: found.version for found in importlib.metadata.distributions()}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "packages": dict(sorted(packages.items())),
    }


def git_revision() -> str | None:
    """The revision of this code, with "-dirty" where it has changes; None outside a repository."""
    git, here = shutil.which("git"), Path(__file__).parent
    if git is None or "site-packages" in here.parts:
        return None
    command = [git, "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603 - fixed words
    return done.stdout.strip() or None


def _pyarrow() -> ModuleType:
    # An extra, and 0.3 s to import: only who stores or reads runs pays for it.
    try:
        importlib.import_module("pyarrow.parquet")
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise CannotMeasure("run folders need pyarrow: pip install 'steadyrag[evals]'") from error
