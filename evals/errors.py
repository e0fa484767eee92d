"""What can go wrong when measuring.

EvalError
├── CannotMeasure      a file, option, target or missing extra makes the measurement impossible (exit status 2)
├── QueueFull          the stub model's slots and line are full
└── BadRequest         the stub model was sent something that is no chat request
"""

from __future__ import annotations

from rag.errors import ConfigError


class EvalError(Exception):
    """Root of the tree."""


class CannotMeasure(EvalError, ConfigError):
    """A file, option, target or missing extra makes the measurement impossible; the message says which."""

    code = "cannot_measure"


class QueueFull(EvalError):
    """Every slot of the stub model is busy and its line is at its bound."""


class BadRequest(EvalError):
    """The body sent to the stub model is not a chat request."""
