"""What can go wrong when breaking things on purpose.

ChaosError
├── BadExperiment      an experiment that there is not, or that is not one (exit status 2)
├── CannotRun          an option, target, program or missing extra makes the run impossible (exit status 2)
└── BadRequest         the fault proxy, the lab or the load was asked for what it does not have or understand
"""

from __future__ import annotations

from rag.errors import ConfigError


class ChaosError(Exception):
    """Root of the tree."""


class BadExperiment(ChaosError, ConfigError):
    """There is no such experiment, or its file is not one; the message says what is wrong."""

    code = "bad_experiment"


class CannotRun(ChaosError, ConfigError):
    """An option, target, program or missing extra makes the run impossible; the message says which."""

    code = "cannot_run"


class BadRequest(ChaosError):
    """The fault proxy, the lab or the load was asked for what it does not have or understand."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
