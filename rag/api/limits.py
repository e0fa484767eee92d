"""Limits at the routes: who has used up theirs gets 429, and every answer tells how they stand.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-10. `qu="tokens"` is a unit of our own. Budgets of
money are not told: the draft's quotas are whole numbers, and prices are the operator's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.access.access import Access
from rag.access.limiter import Admission, Limiter
from rag.access.limits import SLACK, Standing
from rag.api.problems import error_response
from rag.api.reply import CHAT_ROUTE
from rag.compose import Service
from rag.telemetry.metrics import Metrics

#: What makes work. Reading, as whoever waits for a job does again and again, is free, and so is administration.
COUNTED = frozenset({"POST", "DELETE"})
LABELS = b"x-steadyrag-degraded"


def limit_routes(app: FastAPI, service: Service, metrics: Metrics) -> None:
    """Put the limits before the routes that the app has, if there are any limits."""
    if service.limiter is None:
        return
    metrics.allowances(service.settings.quotas)
    for route in app.routes:
        if isinstance(route, APIRoute) and route.path.startswith("/v1/") and COUNTED & (route.methods or set()):
            route.app = Limited(route, service.access, service.limiter, metrics)


class Limited:
    """A route that lets callers in as far as their limits go; as an ASGI application, like the one inside.

    Args:
        route: what is called by those who are let in.
        access: tells who comes.
        limiter: lets them in.
        metrics: counts what became of them.
    """

    def __init__(self, route: APIRoute, access: Access, limiter: Limiter, metrics: Metrics) -> None:
        self._app: ASGIApp = route.app
        self._spends = route.path == CHAT_ROUTE
        self._access = access
        self._limiter = limiter
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it.

        Raises:
            Unauthorized: nobody known comes.
        """
        principal = self._access.principal(Headers(scope=scope).get("authorization"))
        admission = await self._limiter.admit(principal, spends=self._spends)
        self._metrics.admission(admission)

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_told(admission, message["headers"])]
            await send(message)

        if admission.error is not None:
            await error_response(admission.error, scope["path"])(scope, receive, send_told)
            return
        scope["state"]["degraded"] = admission.degraded
        await self._app(scope, receive, send_told)


def _told(admission: Admission, said: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The header fields that an answer gets; it may have said by itself how it is degraded."""
    told = []
    shown = [each for each in admission.standings if each.limit.unit != "cost"]
    if shown:
        told.append((b"ratelimit-policy", ", ".join(map(_policy, shown)).encode()))
        told.append((b"ratelimit", ", ".join(map(_standing, shown)).encode()))
    if admission.degraded and not any(name == LABELS for name, _ in said):
        told.append((LABELS, ",".join(admission.degraded).encode()))
    return told


def _policy(standing: Standing) -> str:
    limit = standing.limit
    unit = "" if limit.unit == "requests" else f';qu="{limit.unit}"'
    return f'"{limit.policy}";q={limit.quota:.0f};w={limit.window_s}{unit}'


def _standing(standing: Standing) -> str:
    return f'"{standing.limit.policy}";r={math.floor(standing.left + SLACK)};t={math.ceil(standing.wait_s)}'
