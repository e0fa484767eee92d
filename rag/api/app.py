"""The HTTP application over a composed service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from rag.api.access import KeyRequest, RotateRequest, add_access_routes
from rag.api.admin import ForceRequest, add_admin_routes
from rag.api.backup import add_backup_routes
from rag.api.bodies import component_schemas
from rag.api.chat import add_chat_routes
from rag.api.documents import add_document_routes
from rag.api.door import Door
from rag.api.feedback import FeedbackRequest, add_feedback_routes
from rag.api.letters import add_letter_routes
from rag.api.limits import limit_routes
from rag.api.operations import add_operation_routes
from rag.api.problems import install
from rag.api.search import add_search_routes
from rag.api.wire import ChatRequest, DocumentsRequest, RetryRequest, SearchRequest
from rag.compose import Service
from rag.models import Models
from rag.pipeline.shadow import ENDS
from rag.telemetry.metrics import Metrics
from rag.version import __version__


def create_app(service: Service, metrics: Metrics) -> FastAPI:
    """The application; its lifespan runs the ingestion worker, closing the service is the caller's."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.worker.start()
        yield

    app = FastAPI(title="steadyrag", version=__version__, lifespan=lifespan)
    app.state.draining = False
    add_chat_routes(app, service)
    add_search_routes(app, service)
    add_document_routes(app, service)
    add_letter_routes(app, service)
    add_feedback_routes(app, service)
    add_operation_routes(app, service, metrics)
    add_admin_routes(app, service)
    add_backup_routes(app, service)
    add_access_routes(app, service)
    limit_routes(app, service, metrics)
    app.add_middleware(
        Door, metrics=metrics, draining=lambda: app.state.draining, tracer=service.tracer, clock=service.clock
    )
    install(app)
    metrics.watch("steadyrag_cache_entries", "Stored answers.", lambda: len(service.cache))
    metrics.watch("steadyrag_cache_bytes", "Bytes of the stored answers.", lambda: service.cache.stored_bytes)
    hot = service.retriever.hot
    metrics.watch("steadyrag_hot_queries", "Stored results of retrieval.", lambda: len(hot))
    metrics.watch("steadyrag_hot_query_hits", "Retrievals answered from the stored results.", lambda: hot.hits)
    metrics.watch("steadyrag_hot_query_misses", "Retrievals that were computed.", lambda: hot.misses)
    metrics.watch("steadyrag_log_position", "Sequence number of the last write.", lambda: service.log.position)
    metrics.guards(service.guards)
    _export_models(metrics, service.models)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


def _export_models(metrics: Metrics, models: Models) -> None:
    for tier, split in models.router.models.items():
        for model, share in split.shares():
            metrics.model(tier, model.name, model.version, share)
    for end, told in ENDS.items():
        metrics.watch(f"steadyrag_shadow_{end}", told, partial(models.shadow.counts.__getitem__, end))


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The generated document with the schemas of the bodies that routes read by themselves."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas |= component_schemas(
            ChatRequest,
            SearchRequest,
            DocumentsRequest,
            RetryRequest,
            ForceRequest,
            FeedbackRequest,
            KeyRequest,
            RotateRequest,
        )
        app.openapi_schema = document
    return app.openapi_schema
