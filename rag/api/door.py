"""What every request passes: it gets an id, and is counted and timed; at the end of the service its connection ends."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.telemetry.metrics import Metrics

#: Request ids of callers that are taken over; others are replaced, since they end up in headers and logs.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class Door:
    """ASGI middleware; pure, since Starlette's base class costs more than a cached answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics, draining: Callable[[], bool] = lambda: False) -> None:
        self._app = app
        self._metrics = metrics
        self._draining = draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an HTTP request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id.decode()
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
                if self._draining():
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        start = time.perf_counter()
        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._metrics.in_flight.dec()
            route = scope.get("route")
            # the template, not the path: ids must not become labels
            self._metrics.request(getattr(route, "path", "unmatched"), status, time.perf_counter() - start)


def _request_id(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return bytes(value)
    return f"req_{uuid.uuid4().hex}".encode()
