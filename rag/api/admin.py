"""`/admin/breakers`: what the protections do at this moment, and an operator's hand on them."""

from __future__ import annotations

import hmac
from enum import Enum
from typing import Literal

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from rag.api.bodies import read_json, schema_of
from rag.api.json_response import json_response
from rag.compose import Service
from rag.errors import NotFound, Unauthorized

#: Longer than any repair that somebody watches; after it the breaker judges for itself again.
MAX_FORCED_S = 86_400.0


class ForceRequest(BaseModel):
    """`POST /admin/breakers/{name}`: hold the breaker in a state for a time."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["open", "closed"]
    for_s: float = Field(60.0, ge=0, le=MAX_FORCED_S)


def add_admin_routes(app: FastAPI, service: Service) -> None:
    """Put the routes into the app."""
    tags: list[str | Enum] = ["admin"]

    @app.get("/admin/breakers", tags=tags, summary="State of every breaker and limiter")
    async def breakers(request: Request) -> Response:
        require_admin(request, service.settings.admin_key)
        return json_response({"breakers": service.guards.breakers(), "limiters": service.guards.limiters()})

    @app.post(
        "/admin/breakers/{name}",
        tags=tags,
        summary="Hold a breaker open or closed for a time",
        openapi_extra=schema_of(ForceRequest),
    )
    async def force(name: str, request: Request) -> Response:
        require_admin(request, service.settings.admin_key)
        body = await read_json(request, ForceRequest, service.settings.limits.body_bytes)
        return json_response(service.guards.force(name, body.state, body.for_s))

    @app.post("/admin/index/publish", tags=tags, summary="Let Qdrant's alias name the collection of this service")
    async def publish(request: Request) -> Response:
        """In one step, so that readers of the alias go from one complete collection to the next."""
        require_admin(request, service.settings.admin_key)
        if service.dense.publish is None:
            raise NotFound("the embedded index has no alias")
        await service.dense.publish()
        return json_response({"index": service.serving["index"]})


def require_admin(request: Request, key: str | None) -> None:
    """Refuse whoever does not bring the key.

    Without a key the service listens on loopback only, and whoever reaches it may administer it.

    Raises:
        Unauthorized: no key, or a wrong one.
    """
    sent = request.headers.get("authorization", "").removeprefix("Bearer ")
    if key is not None and not hmac.compare_digest(sent.encode(), key.encode()):
        raise Unauthorized("this needs the administrator's key: Authorization: Bearer KEY")
