"""Where foreign errors end: what aiohttp raises and what a model's server answers, as `router.errors`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.http import HttpProcessingError

from router.errors import (
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnavailable,
    ModelUnreachable,
    StreamBroken,
)

#: Everything that a request or the reading of its stream can raise; ValueError stands for a payload that is none.
FOREIGN_ERRORS = (aiohttp.ClientError, HttpProcessingError, TimeoutError, OSError, ValueError)
#: Statuses that deviate from their class: a 4xx is otherwise the request's fault, anything else the server's.
STATUS_ERRORS: Mapping[int, type[ModelError]] = {408: ModelUnavailable, 429: ModelOverloaded}
MAX_MESSAGE_CHARS = 500


def from_exception(error: Exception, *, model: str, started: bool) -> ModelError:
    """One of `FOREIGN_ERRORS`, before (`started` False) or after the caller got the first piece of the answer."""
    message = _bounded(f"{type(error).__name__}: {error}".removesuffix(": "))
    if started:
        return StreamBroken(message, model=model)
    lost = isinstance(error, aiohttp.ClientConnectionError) and not isinstance(error, TimeoutError)
    return (ModelUnreachable if lost else ModelUnavailable)(message, model=model)


def from_status(status: int, headers: Mapping[str, str], body: str, *, model: str) -> ModelError:
    """A response other than 200, with the server's own words."""
    message = _bounded(f"HTTP {status}: {message_of(body)}".removesuffix(": "))
    kind = STATUS_ERRORS.get(status, ModelRejected if 400 <= status < 500 else ModelUnavailable)
    if kind is ModelOverloaded:
        return ModelOverloaded(message, model=model, retry_after_s=retry_after_s(headers))
    return kind(message, model=model)


def message_of(body: str) -> str:
    """The error message in a JSON body of OpenAI's, vLLM's or FastAPI's shape; any other body as it is."""
    try:
        found = json.loads(body)
    except ValueError:
        return body.strip()
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    return str(found)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `Retry-After` (RFC 9110, section 10.2.3), a date counted from the response's own `Date`."""
    value = headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
        except (ValueError, TypeError):  # no date, or only one of the two has a time zone
            return None
        seconds = wait.total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _bounded(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE_CHARS else message[: MAX_MESSAGE_CHARS - 1] + "…"
