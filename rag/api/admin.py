"""`/admin/breakers`, `/admin/cache`: what the protections do and what is stored, and an operator's hand on them."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from cache.entries import Entry
from rag.api.access import allowed, realm
from rag.api.bodies import read_json, schema_of
from rag.api.json_response import json_response
from rag.compose import Service
from rag.errors import Forbidden, InvalidRequest, NotFound
from rag.pipeline.request import Answer
from rag.pipeline.selection import Selection
from rag.types import Principal, Role

#: Longer than any repair that somebody watches; after it the breaker judges for itself again.
MAX_FORCED_S = 86_400.0


class ForceRequest(BaseModel):
    """`POST /admin/breakers/{name}`: hold the breaker in a state for a time."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["open", "closed"]
    for_s: float = Field(60.0, ge=0, le=MAX_FORCED_S)


class Selected(BaseModel):
    """The parameters of `DELETE /admin/cache`."""

    model_config = ConfigDict(extra="forbid")

    tenant: str | None = None
    collection: str | None = None
    document: str | None = None
    older_than_s: float | None = Field(None, ge=0)

    def parts(self) -> Selection:
        """As the cache takes it."""
        return Selection(self.tenant, self.collection, self.document, self.older_than_s)


class Shown(Selected):
    """The parameters of `GET /admin/cache`; `limit`: answers to show."""

    limit: int = Field(100, ge=1, le=1_000)


def add_admin_routes(app: FastAPI, service: Service) -> None:
    """Put the routes into the app."""
    tags: list[str | Enum] = ["admin"]

    @app.get("/admin/breakers", tags=tags, summary="State of every breaker and limiter")
    async def breakers(request: Request) -> Response:
        allowed(request, service, Role.OPERATOR)
        return json_response({"breakers": service.guards.breakers(), "limiters": service.guards.limiters()})

    @app.post(
        "/admin/breakers/{name}",
        tags=tags,
        summary="Hold a breaker open or closed for a time",
        openapi_extra=schema_of(ForceRequest),
    )
    async def force(name: str, request: Request) -> Response:
        allowed(request, service, Role.OPERATOR)
        body = await read_json(request, ForceRequest, service.settings.limits.body_bytes)
        return json_response(service.guards.force(name, body.state, body.for_s))

    @app.get("/admin/cache", tags=tags, summary="Stored answers of this replica")
    async def stored(request: Request, shown: Annotated[Shown, Query()]) -> Response:
        """An administrator sees those of the own tenant, the operator all."""
        principal = allowed(request, service, Role.ADMIN)
        found = service.cache.selected(_confined(shown.parts(), principal))
        whole = {"entries": len(service.cache), "bytes": service.cache.stored_bytes} if realm(principal) is None else {}
        answers = [_stored(entry, service.clock.now()) for entry in found[: shown.limit]]
        return json_response({**whole, "selected": len(found), "answers": answers})

    @app.delete("/admin/cache", tags=tags, summary="Forget stored answers, on every replica")
    async def forget(request: Request, selection: Annotated[Selected, Query()]) -> Response:
        """By tenant, collection, document, age; at least one must be named."""
        principal = allowed(request, service, Role.ADMIN)
        if selection.parts() == Selection():
            raise InvalidRequest("name what to forget: tenant, collection, document or older_than_s (0 = everything)")
        return json_response({"forgotten": await service.cache.invalidate(_confined(selection.parts(), principal))})

    @app.post("/admin/index/publish", tags=tags, summary="Let Qdrant's alias name the collection of this service")
    async def publish(request: Request) -> Response:
        """In one step, so that readers of the alias go from one complete collection to the next."""
        allowed(request, service, Role.OPERATOR)
        if service.dense.publish is None:
            raise NotFound("the embedded index has no alias")
        await service.dense.publish()
        return json_response({"index": service.serving["index"]})


def _confined(selection: Selection, principal: Principal) -> Selection:
    """Of what was selected, what the administrator may see.

    Raises:
        Forbidden: another tenant was named.
    """
    tenant = realm(principal)
    if tenant is None:
        return selection
    if selection.tenant not in (None, tenant):
        raise Forbidden(f"this key administers the tenant {tenant} only")
    return replace(selection, tenant=tenant)


def _stored(entry: Entry[Answer], now: float) -> dict[str, object]:
    """A stored answer as operators see it."""
    answer = entry.value
    return {
        "question": entry.key[1],
        "scope": entry.key[0],
        "answer": answer.text,
        "documents": sorted({source.passage.document_id for source in answer.sources}),
        "sources": sorted(entry.support.sources),
        "version": entry.version,
        "age_s": round(now - entry.stored_at, 3),
        "outdated": entry.outdated,
    }
