"""`/health`, `/ready`, `/metrics`: what orchestrators and dashboards ask."""

from __future__ import annotations

from enum import Enum

from fastapi import FastAPI
from starlette.responses import RedirectResponse, Response

from rag.api.json_response import json_response
from rag.compose import Service
from rag.errors import SteadyragError
from rag.telemetry.metrics import CONTENT_TYPE, Metrics
from rag.types import ANONYMOUS, Space
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
        checks = {"document_log": await _database(service), "embedder": await _embedder(service)}
        good = all(state == "ok" for state in checks.values())
        return json_response({"ready": good, "checks": checks}, status=200 if good else 503)

    @app.get("/metrics", tags=tags, summary="Prometheus metrics")
    async def exported() -> Response:
        return Response(metrics.render(), media_type=CONTENT_TYPE)


async def _database(service: Service) -> str:
    try:
        await service.store.digests(Space(ANONYMOUS.tenant, "default"), [], timeout_s=PROBE_TIMEOUT_S)
    except SteadyragError as error:
        return error.message
    return "ok"


async def _embedder(service: Service) -> str:
    try:
        await service.embedder.embed(["ready?"], timeout_s=PROBE_TIMEOUT_S)
    except SteadyragError as error:
        return error.message
    return "ok"
