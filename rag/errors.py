"""Everything that can go wrong, as one tree; each class knows its code, HTTP status and whether a retry may help.

SteadyragError
├── ConfigError                 settings, data folder or environment (exit status 2)
│   ├── DataFolderBusy          another process owns the folder
│   └── DataFolderCorrupt       the folder cannot be read
├── InvalidRequest              400  the caller's input
│   ├── UnsupportedParameter    400  a known field that we do not serve
│   ├── PayloadTooLarge         413  body, question or document over its limit
│   └── UnreadableDocument      422  a file that no reader understands
├── Unauthorized                401  no key, or a wrong one
├── Forbidden                   403  a key that does not allow it
├── LimitExceeded               429  more requests than the key or its tenant may make
│   └── BudgetExceeded          429  the tokens or the money of the day are used up
├── NotFound                    404  collection, document, job or model
├── ClientGone               499  nobody is left to be answered
├── NotCached                   504  the caller allows only a stored answer, and there is none
└── Unavailable                 503  a part is down, full or late
    ├── Overloaded              503  a bounded queue is full
    ├── ShuttingDown            503  the service refuses new work
    ├── DependencyFailed        503  an adapter's foreign error, mapped
    │   ├── DependencyTimeout   503  the adapter did not answer within its time
    │   └── BreakerOpen         503  the breaker lets no call through
    ├── StorageFull             507  the disk has no room
    └── DeadlineExceeded        504  the request's own time ran out
"""

from __future__ import annotations

import math
from typing import ClassVar, Self


class SteadyragError(Exception):
    """Root of the tree.

    Attributes:
        code: stable machine-readable name.
        status: HTTP status when it reaches the API.
        retryable: whether the same request may succeed later.
        retry_after_s: seconds to wait, sent as Retry-After.
        param: the request's field at fault, where there is one.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    retry_after_s: int | None = None

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param

    def after(self, seconds: float) -> Self:
        """The error with a `retry_after_s` of its own: `seconds`, in whole ones as the header wants, at least 1."""
        self.retry_after_s = max(1, math.ceil(seconds))
        return self


class ConfigError(SteadyragError):
    """Settings, data folder or environment are wrong; the message says how to mend them."""

    code = "configuration_error"


class DataFolderBusy(ConfigError):
    """Another process owns the data folder."""

    code = "data_folder_busy"


class DataFolderCorrupt(ConfigError):
    """The data folder cannot be read."""

    code = "data_folder_corrupt"


class InvalidRequest(SteadyragError):
    """The caller's input is wrong."""

    code = "invalid_request"
    status = 400


class UnsupportedParameter(InvalidRequest):
    """A field that we know and do not serve."""

    code = "unsupported_parameter"


class PayloadTooLarge(InvalidRequest):
    """Body, question or document over its limit."""

    code = "payload_too_large"
    status = 413


class UnreadableDocument(InvalidRequest):
    """No reader understands the file."""

    code = "unreadable_document"
    status = 422


class Unauthorized(SteadyragError):
    """No key, or a wrong one."""

    code = "unauthorized"
    status = 401


class Forbidden(SteadyragError):
    """The caller's key is good, and does not allow this."""

    code = "forbidden"
    status = 403


class LimitExceeded(SteadyragError):
    """More requests than the caller's key, or its tenant, may make (RFC 6585, section 4)."""

    code = "rate_limit_exceeded"
    status = 429
    retryable = True


class BudgetExceeded(LimitExceeded):
    """What the key, or its tenant, may use in a day is used up."""

    code = "insufficient_quota"


class NotFound(SteadyragError):
    """No such collection, document, job or model."""

    code = "not_found"
    status = 404


class ClientGone(SteadyragError):
    """The client disconnected while its request was worked on; nobody is left to be told."""

    code = "client_closed_request"
    status = 499


class NotCached(SteadyragError):
    """The caller allows only a stored answer, and there is none (RFC 9111, section 5.2.1.7)."""

    code = "not_cached"
    status = 504


class Unavailable(SteadyragError):
    """A part is down, full or late; the request itself was fine."""

    code = "unavailable"
    status = 503
    retryable = True
    retry_after_s: int | None = 1


class Overloaded(Unavailable):
    """A bounded queue is full."""

    code = "overloaded"


class ShuttingDown(Unavailable):
    """The service finishes what runs and takes nothing new."""

    code = "shutting_down"


class DependencyFailed(Unavailable):
    """An adapter's foreign error, mapped at its border."""

    code = "dependency_failed"


class DependencyTimeout(DependencyFailed):
    """The adapter did not answer within its time."""

    code = "dependency_timeout"


class BreakerOpen(DependencyFailed):
    """The breaker lets no call through; nothing was sent."""

    code = "breaker_open"


class StorageFull(Unavailable):
    """The disk has no room for the write; nothing of it was stored."""

    code = "storage_full"
    status = 507
    retry_after_s = 60


class DeadlineExceeded(Unavailable):
    """The request's own time ran out."""

    code = "deadline_exceeded"
    status = 504
    retry_after_s = None
