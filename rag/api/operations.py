"""`/health`, `/ready`, `/metrics`, `/admin/settings`: what orchestrators and dashboards ask."""

from __future__ import annotations

from enum import Enum

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from rag.api.access import allowed
from rag.api.json_response import json_response
from rag.compose import Service
from rag.disclosed import disclosed
from rag.errors import SteadyragError
from rag.telemetry.metrics import CONTENT_TYPE, Metrics
from rag.types import ANONYMOUS, Role
from rag.version import __version__

#: A dependency that needs longer to say anything is not ready.
PROBE_TIMEOUT_S = 2.0


def add_operation_routes(app: FastAPI, service: Service, metrics: Metrics) -> None:
    """Put the routes into the app."""
    tags: list[str | Enum] = ["operations"]

    @app.get("/", include_in_schema=False)
    async def home() -> Response:
        return RedirectResponse("/docs")

    @app.get("/health", tags=tags, summary="The process is alive")
    async def health() -> Response:
        return json_response({"status": "alive", "version": __version__})

    @app.get("/ready", tags=tags, summary="The dependencies answer")
    async def ready() -> Response:
        """Without the document log nothing can be answered; without the embedder BM25 alone does, labelled."""
        log, documents = await _log(service)
        checks = {"document_log": log, "embedder": await _embedder(service)}
        good = log == "ok"
        # whoever asks without a key learns nothing of what there is
        body = {"ready": good, "checks": checks, "documents": None if service.access.required else documents}
        return json_response(body, status=200 if good else 503)

    @app.get("/metrics", tags=tags, summary="Prometheus metrics")
    async def exported() -> Response:
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    @app.get("/admin/settings", tags=tags, summary="The settings, without secrets")
    async def settings(request: Request) -> Response:
        allowed(request, service, Role.OPERATOR)
        return json_response({"settings": disclosed(service.settings)})


async def _log(service: Service) -> tuple[str, int | None]:
    """How it does, and how many documents it holds."""
    if not service.log.current:
        return "this replica cannot hear the document log", None
    try:
        return "ok", await service.store.count(ANONYMOUS.tenant, timeout_s=PROBE_TIMEOUT_S)
    except SteadyragError as error:
        return error.message, None


async def _embedder(service: Service) -> str:
    try:
        await service.embedder.embed(["ready?"], timeout_s=PROBE_TIMEOUT_S)
    except SteadyragError as error:
        return error.message
    return "ok"
