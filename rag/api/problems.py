"""Errors on the wire: RFC 9457 problem details on our own routes, OpenAI's error object on its routes."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from rag.api.door import span_of
from rag.api.json_response import json_response
from rag.errors import ClientGone, InvalidRequest, LimitExceeded, SteadyragError, Unauthorized

OPENAI_ROUTES = ("/v1/chat/completions", "/v1/models")
log = logging.getLogger(__name__)


def error_body(error: SteadyragError, path: str) -> dict[str, object]:
    """The error as the route's clients expect it."""
    if path.startswith(OPENAI_ROUTES):
        return {"error": {"message": error.message, "type": _kind(error), "param": error.param, "code": error.code}}
    body: dict[str, object] = {
        "type": f"urn:steadyrag:error:{error.code}",
        "title": _title(error.status),
        "status": error.status,
        "detail": error.message,
        "code": error.code,
    }
    return body | ({"param": error.param} if error.param else {})


def _kind(error: SteadyragError) -> str:
    """What OpenAI's clients call it."""
    if isinstance(error, LimitExceeded):
        return "rate_limit_error"
    return "invalid_request_error" if error.status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"


def _title(status: int) -> str:
    return "Client Closed Request" if status == ClientGone.status else HTTPStatus(status).phrase


def error_response(error: SteadyragError, path: str) -> Response:
    """The error as a response, with Retry-After where waiting may help."""
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s is not None else {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, section 11.6.1
    openai = path.startswith(OPENAI_ROUTES)
    media_type = "application/json" if openai else "application/problem+json"
    return json_response(error_body(error, path), status=error.status, headers=headers, media_type=media_type)


def unforeseen_error(error: Exception, route: str) -> SteadyragError:
    """A defect as an error of ours: the traceback goes to the log, the class alone out, since messages hold content."""
    log.error("unforeseen error in %s", route, exc_info=error)
    return SteadyragError(f"internal error ({type(error).__name__})")


def _of_framework(status: int, message: str) -> SteadyragError:
    """An error that the framework raised (unknown path, wrong method), with its own status."""
    phrase = HTTPStatus(status).phrase
    error = SteadyragError(message)
    error.status, error.code = status, phrase.lower().replace(" ", "_")  # type: ignore[misc]  # of this one error
    return error


def install(app: FastAPI) -> None:
    """Have every error leave the app in one of the two formats."""

    async def ours(request: Request, error: Exception) -> Response:
        if not isinstance(error, SteadyragError):
            raise error
        span_of(request).set({"steadyrag.error": error.code})
        return error_response(error, request.url.path)

    async def framework(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        response = error_response(_of_framework(error.status_code, str(error.detail)), request.url.path)
        response.headers.update(error.headers or {})
        return response

    async def parameters(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:])
        return error_response(InvalidRequest(f"{field}: {first['msg']}", param=field), request.url.path)

    async def unforeseen(request: Request, error: Exception) -> Response:
        path = request.url.path
        response = error_response(unforeseen_error(error, f"{request.method} {path}"), path)
        response.headers["x-request-id"] = request.state.request_id  # this response does not pass the door
        return response

    app.add_exception_handler(SteadyragError, ours)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(RequestValidationError, parameters)
    app.add_exception_handler(Exception, unforeseen)
