"""What every request passes: an id, a span, a count and a time; at the end of the service its connection ends."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.pipeline.trace import NO_SPAN, Attributes, Span
from rag.telemetry.metrics import Metrics
from rag.telemetry.tracing import Arrived, NoTracer, Tracer, callers_context
from rag.types import Clock, SystemClock

#: Request ids of callers that are taken over; others are replaced, since they end up in headers and logs.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
#: Asked every few seconds by orchestrators and Prometheus: counted, but not followed.
PROBES = frozenset({"/health", "/ready", "/metrics"})


class Door:
    """ASGI middleware; pure, since Starlette's base class costs more than a cached answer."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        draining: Callable[[], bool] = lambda: False,
        *,
        tracer: Tracer | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._draining = draining
        self._tracer = tracer or NoTracer()
        self._monotonic = (clock or SystemClock()).monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an HTTP request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = self._monotonic()
        headers = dict(scope["headers"])
        request_id = _request_id(headers)
        span = self._follow(scope, headers, request_id.decode(), start)
        scope.setdefault("state", {}).update(request_id=request_id.decode(), span=span)
        status, failure = HTTPStatus.INTERNAL_SERVER_ERROR.value, ""

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
                if self._draining():
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            failure = type(error).__name__
            raise
        finally:
            end = self._monotonic()
            self._metrics.in_flight.dec()
            # the template, not the path: ids must not become labels
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.request(route, status, end - start)
            span.set(_outcome(route, status, failure))
            span.end(end)

    def _follow(self, scope: Scope, headers: Mapping[bytes, bytes], request_id: str, start: float) -> Span:
        if scope["path"] in PROBES:
            return NO_SPAN
        context = callers_context(headers)
        arrived = Arrived(request_id, scope["method"], scope["scheme"], scope["path"], context)
        return self._tracer.request(arrived, start)


def span_of(request: Request) -> Span:
    """What is told of the request as it goes."""
    span: Span = getattr(request.state, "span", NO_SPAN)
    return span


def _outcome(route: str, status: int, failure: str) -> Attributes:
    """As the conventions for HTTP servers have it: what the client did wrong is no error of ours."""
    told: dict[str, str | int] = {"http.route": route, "http.response.status_code": status}
    if failure or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        told["error.type"] = failure or str(status)
    return told


def _request_id(headers: Mapping[bytes, bytes]) -> bytes:
    named = headers.get(b"x-request-id", b"")
    return named if _REQUEST_ID.fullmatch(named) else f"req_{uuid.uuid4().hex}".encode()
