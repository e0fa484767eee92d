"""A result folder, read and analysed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from chaos.analysis.figures import analyse
from chaos.analysis.phases import FAULT, Event, Span, fault_window, phases
from chaos.analysis.requests import Requests
from chaos.errors import CannotRun
from evals.errors import CannotMeasure
from evals.runs import Run, load_run


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one experiment.

    Attributes:
        run: of run.json.
        experiment: what Chaos Toolkit ran.
        events: what happened, on the run's clock.
        window: when the fault was there.
        end_s: the end of the last phase.
        figures: of `analyse`.
    """

    folder: Path
    run: Run
    experiment: Mapping[str, Any]
    events: list[Event]
    requests: Requests
    window: Span
    end_s: float
    figures: dict[str, Any]

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self.run.config["name"])

    @property
    def config(self) -> Mapping[str, Any]:
        """What the run was asked to do."""
        return self.run.config

    @property
    def deadline_s(self) -> float:
        """What an answer may take."""
        return float(self.config["deadline_s"])


def load(folder: Path) -> Result:
    """Read a result folder.

    Raises:
        CannotRun: it is none.
    """
    try:
        run, rows = load_run(folder)
        experiment, events, journal = (_read(folder / f"{name}.json") for name in ("experiment", "events", "journal"))
        quality = _read(folder / "quality.json") if (folder / "quality.json").exists() else None
        spans = phases(run.config)
        figures = analyse(
            rows,
            events,
            run.config,
            deviated=bool(journal.get("deviated")),
            quality=quality,
            invalid=run.summary.get("invalid_reasons", ()),
        )
    except (CannotMeasure, OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRun(f"{folder} holds no result of an experiment: {error}") from error
    end_s = max(span.end_s for span in spans.values())
    window = fault_window(events, spans[FAULT])
    return Result(folder, run, experiment, events, Requests.of(rows), window, end_s, figures)


def _read(file: Path) -> Any:
    return orjson.loads(file.read_bytes())
