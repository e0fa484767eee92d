from __future__ import annotations

import aiohttp
import pytest

from router.backends.openai_errors import (
    FOREIGN_ERRORS,
    MAX_MESSAGE_CHARS,
    from_exception,
    from_status,
    message_of,
    retry_after_s,
)
from router.errors import (
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnavailable,
    ModelUnreachable,
    StreamBroken,
)

CLIENT_ERRORS = [
    error
    for error in (getattr(aiohttp, name) for name in aiohttp.__all__)
    if isinstance(error, type) and issubclass(error, aiohttp.ClientError)
]


def made(error: type[Exception]) -> Exception:
    """An instance without the arguments that each class wants of its own, but that still can be printed."""
    bare = type(error.__name__, (error,), {"__init__": lambda self: None, "__str__": lambda self: "what went wrong"})
    instance: Exception = bare()
    return instance


def test_aiohttp_has_errors_to_map() -> None:
    assert len(CLIENT_ERRORS) > 15


@pytest.mark.parametrize("error", [*CLIENT_ERRORS, TimeoutError, ConnectionResetError, OSError, ValueError])
def test_every_error_of_aiohttp_is_mapped(error: type[Exception]) -> None:
    assert issubclass(error, FOREIGN_ERRORS)
    before = from_exception(made(error), model="m", started=False)
    after = from_exception(made(error), model="m", started=True)
    assert isinstance(before, ModelUnavailable)
    assert type(after) is StreamBroken
    assert before.model == after.model == "m"
    assert before.message == f"{error.__name__}: what went wrong"


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (aiohttp.ClientConnectorError, True),
        (aiohttp.ClientOSError, True),
        (aiohttp.ServerDisconnectedError, True),
        (aiohttp.ConnectionTimeoutError, False),
        (aiohttp.SocketTimeoutError, False),
        (aiohttp.ClientPayloadError, False),
        (TimeoutError, False),
    ],
)
def test_a_lost_connection_is_worth_another_and_a_wait_that_was_too_long_is_not(
    error: type[Exception], again: bool
) -> None:
    told = from_exception(made(error), model="m", started=False)
    assert isinstance(told, ModelUnreachable) is told.retryable is again


def test_an_error_without_words_is_named() -> None:
    assert from_exception(TimeoutError(), model="m", started=False).message == "TimeoutError"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, ModelUnavailable),
        (400, ModelRejected),
        (401, ModelRejected),
        (404, ModelRejected),
        (408, ModelUnavailable),
        (413, ModelRejected),
        (422, ModelRejected),
        (429, ModelOverloaded),
        (500, ModelUnavailable),
        (503, ModelUnavailable),
    ],
)
def test_statuses(status: int, kind: type[ModelError]) -> None:
    error = from_status(status, {}, '{"error": {"message": "too long"}}', model="m")
    assert type(error) is kind
    assert error.message == f"HTTP {status}: too long"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT", "Date": "Fri, 31 Dec 1999 23:59:29 GMT"}, 30.0),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59", "Date": "Fri, 31 Dec 1999 23:59:29 GMT"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds
    error = from_status(429, headers, "", model="m")
    assert isinstance(error, ModelOverloaded)
    assert error.retry_after_s == seconds
    assert error.message == "HTTP 429"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error": {"message": "openai", "type": "x"}}', "openai"),
        ('{"object": "error", "message": "older vllm"}', "older vllm"),
        ('{"detail": "fastapi"}', "fastapi"),
        ('{"error": "plain"}', "plain"),
        ('{"other": 1}', "{'other': 1}"),
        ("[1]", "[1]"),
        ("  <html>bad gateway</html>\n", "<html>bad gateway</html>"),
        ("", ""),
    ],
)
def test_the_servers_words(body: str, message: str) -> None:
    assert message_of(body) == message


def test_long_messages_are_cut() -> None:
    message = from_status(400, {}, "x" * 10_000, model="m").message
    assert len(message) == MAX_MESSAGE_CHARS
    assert message.endswith("x…")
