"""What can go wrong with a model.

ModelError
├── ModelUnavailable      timed out or 5xx before the first token: another model may serve
│   └── ModelUnreachable  refused or reset before the first token: the same server may serve the next connection
├── ModelOverloaded       429 or a full queue before the first token
├── ModelRejected         4xx: the request itself is wrong for this model (too long, bad parameter)
└── StreamBroken          the stream died after the first token: no retry, the caller is told
"""

from __future__ import annotations

from typing import ClassVar


class ModelError(Exception):
    """Root of the tree.

    Attributes:
        model: the name of the model that failed.
        retryable: whether the same call may succeed if sent again at once.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, model: str) -> None:
        super().__init__(message)
        self.message = message
        self.model = model


class ModelUnavailable(ModelError):
    """Timed out or 5xx before the first token."""


class ModelUnreachable(ModelUnavailable):
    """Refused or reset before the first token, as when a replica restarts behind its address."""

    retryable = True


class ModelOverloaded(ModelError):
    """429 before the first token; the server asks to wait `retry_after_s`."""

    def __init__(self, message: str, *, model: str, retry_after_s: float | None = None) -> None:
        super().__init__(message, model=model)
        self.retry_after_s = retry_after_s


class ModelRejected(ModelError):
    """The model's server refused the request as wrong."""


class StreamBroken(ModelError):
    """The stream died after the first token."""
