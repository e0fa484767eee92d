"""`POST /v1/feedback`: what a reader thinks of an answer."""

from __future__ import annotations

from typing import Literal

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from rag.api.access import allowed
from rag.api.bodies import read_json, schema_of
from rag.api.json_response import json_response
from rag.compose import Service
from rag.types import Role


class FeedbackRequest(BaseModel):
    """`POST /v1/feedback`; `request_id` stands in the answer and in its header `x-request-id`."""

    model_config = ConfigDict(extra="forbid")

    request_id: str = Field(min_length=1, max_length=200)
    rating: Literal["up", "down"]


def add_feedback_routes(app: FastAPI, service: Service) -> None:
    """Put the route into the app."""

    @app.post(
        "/v1/feedback",
        tags=["chat"],
        summary="Say whether an answer was good; a thumbs-down evicts it from the cache",
        openapi_extra=schema_of(FeedbackRequest),
    )
    async def feedback(request: Request) -> Response:
        tenant = allowed(request, service, Role.QUERY).tenant
        body = await read_json(request, FeedbackRequest, service.settings.limits.body_bytes)
        evicted = service.cache.blame(body.request_id, tenant) if body.rating == "down" else 0
        return json_response({"request_id": body.request_id, "rating": body.rating, "evicted": evicted})
