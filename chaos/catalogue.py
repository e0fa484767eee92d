"""The experiments that ship: files in Chaos Toolkit's format, each with what our reports and lab want to know of it.

The extension `steadyrag` of a file holds

    blast_radius       what can be harmed, in words
    expected_labels    of which every answer that the fault reaches carries one; patterns, as "shards:*"
    affected           "all" or "some" of the answers
    targets            figure -> [least, most], see `chaos.analysis.verdict`
    needs              what its fault goes through: "lab" (processes, seams), "proxy" (toxics) or "load"
    ask                fields of each request's `steadyrag` object
    lab                fields of `chaos.lab.options.LabOptions`
    sweep              configuration key of the fault's strength
    labelled_from      strength below which the fault may be too weak to cost anything, so that no label is expected
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from chaos.errors import BadExperiment, CannotRun

FOLDER = Path(__file__).with_name("experiments")
CORE, ALL = "core", "all"
EXTENSION = "steadyrag"


@dataclass(frozen=True, slots=True)
class Experiment:
    """One file.

    Attributes:
        name: the file's, without its ending.
        content: of the file.
    """

    name: str
    path: Path
    content: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The experiment of a file.

        Raises:
            BadExperiment: it is none of ours.
            CannotRun: Chaos Toolkit is not installed.
        """
        loader, errors = _chaoslib("loader"), _chaoslib("exceptions")
        try:
            content = loader.parse_experiment_from_file(str(path))
        except (OSError, ValueError, errors.ChaosException) as error:
            raise BadExperiment(f"{path} is no experiment: {error}") from error
        if not isinstance(content, dict) or not any(_ours(each) for each in content.get("extensions", [])):
            raise BadExperiment(f"{path} is no experiment with an extension {EXTENSION!r}")
        return cls(path.stem, path, content)

    @property
    def title(self) -> str:
        """What is claimed, in one line."""
        return str(self.content["title"])

    @property
    def core(self) -> bool:
        """Whether it is among those that run with every change."""
        return CORE in self.content.get("tags", [])

    @property
    def configuration(self) -> Mapping[str, Any]:
        """Its parameters and their values unless others are given."""
        return dict(self.content.get("configuration", {}))

    @property
    def about(self) -> Mapping[str, Any]:
        """The extension; see the module."""
        return next(each for each in self.content["extensions"] if _ours(each))

    def expected_labels(self, values: Mapping[str, Any]) -> list[str]:
        """Patterns of the labels of which every answer that the fault reaches carries one.

        Args:
            values: the configuration, with the fault's strength.
        """
        about = self.about
        if "labelled_from" in about and values[about["sweep"]] < about["labelled_from"]:
            return []
        return list(about["expected_labels"])

    @property
    def needs(self) -> str:
        """What its faults go through: "lab", "proxy" or "load"."""
        return str(self.about.get("needs", "lab"))


def experiments() -> list[Experiment]:
    """All that ship, the core ones first.

    Raises:
        CannotRun: Chaos Toolkit is not installed.
    """
    found = [Experiment.read(path) for path in sorted(FOLDER.glob("*.yaml"))]
    return sorted(found, key=lambda each: not each.core)


def named(name: str) -> list[Experiment]:
    """The experiment of that name; "core" and "all" are several.

    Raises:
        BadExperiment: there is none.
        CannotRun: Chaos Toolkit is not installed.
    """
    known = experiments()
    chosen = [each for each in known if name in (ALL, each.name) or (name == CORE and each.core)]
    if chosen:
        return chosen
    raise BadExperiment(f"no experiment {name!r}; there are {', '.join([ALL, CORE, *(each.name for each in known)])}")


def _ours(extension: Mapping[str, Any]) -> bool:
    return extension.get("name") == EXTENSION


def _chaoslib(module: str) -> Any:
    # An extra, and 0.3 s to import: only who runs experiments pays for it.
    try:
        return importlib.import_module(f"chaoslib.{module}")
    except ImportError as error:
        raise CannotRun("experiments need Chaos Toolkit: pip install 'steadyrag[chaos]'") from error
