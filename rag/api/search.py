"""`/v1/search`: the passages alone, without an answer."""

from __future__ import annotations

from enum import Enum

from fastapi import FastAPI, Request
from starlette.responses import Response

from rag.api.access import allowed
from rag.api.ask import deadline_of, degraded_of
from rag.api.bodies import read_json, schema_of
from rag.api.disconnect import StopOnDisconnect
from rag.api.door import span_of
from rag.api.json_response import json_response
from rag.api.names import known_space
from rag.api.wire import SearchRequest
from rag.compose import Service
from rag.errors import InvalidRequest, PayloadTooLarge
from rag.pipeline.retrieve import Retrieved
from rag.pipeline.shared import Shared
from rag.pipeline.trace import Trace
from rag.ports import Vector
from rag.types import Deadline, Role, ScoredPassage, Space


def add_search_routes(app: FastAPI, service: Service) -> None:
    """Put the routes into the app."""
    tags: list[str | Enum] = ["search"]

    @app.post("/v1/search", tags=tags, summary="Find passages", openapi_extra=schema_of(SearchRequest))
    async def search(request: Request) -> Response:
        principal = allowed(request, service, Role.QUERY)
        limits = service.settings.limits
        body = await read_json(request, SearchRequest, limits.body_bytes)
        if not body.query.strip():
            raise InvalidRequest("query: is empty", param="query")
        if len(body.query) > limits.question_chars:
            raise PayloadTooLarge(f"query: at most {limits.question_chars:,} characters are read", param="query")
        if body.top_k > limits.top_k:
            raise InvalidRequest(f"top_k: at most {limits.top_k}", param="top_k")
        space = known_space(service, principal, body.collection)
        deadline = deadline_of(request, body.timeout_s, service)
        trace = Trace(service.clock, span_of(request))

        with StopOnDisconnect(request.receive):
            found = await _find(service, space, body, deadline, trace)
        degraded = degraded_of(request) + found.degraded
        span_of(request).set({"steadyrag.degraded": list(degraded), "steadyrag.passages": len(found.passages)})
        results = [_result(scored) for scored in found.passages]
        return json_response({"results": results, "degraded": degraded, "timings_ms": trace.timings_ms()})


async def _find(service: Service, space: Space, body: SearchRequest, deadline: Deadline, trace: Trace) -> Retrieved:
    """The passages, once the service has a place for the search.

    Searches share the places of answers. They take a small part of the time, so the limit is not learnt from them.
    """

    async def embed() -> Vector:
        vector: Vector = (await service.embedder.embed([body.query], timeout_s=deadline.remaining()))[0]
        return vector

    place = service.admission.slot(timeout_s=deadline.remaining(), priority=body.priority)
    place.unmeasured()
    async with place:
        with Shared(embed) as vector, trace.stage("retrieve"):
            return await service.retriever.retrieve(
                space, body.query, vector, top_k=body.top_k, filters=body.filters, deadline=deadline
            )


def _result(scored: ScoredPassage) -> dict[str, object]:
    passage = scored.passage
    return {
        "id": passage.id,
        "document_id": passage.document_id,
        "title": passage.title,
        "heading": passage.heading,
        "url": passage.url,
        "score": scored.score,
        "text": passage.text,
        "metadata": passage.metadata,
    }
