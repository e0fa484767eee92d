"""What every route asks first: may this caller do that? And `/admin/keys`, where keys are made and ended."""

from __future__ import annotations

from enum import Enum

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from rag.access.keys import Granted, Key, shown
from rag.api.bodies import read_json, schema_of
from rag.api.door import span_of
from rag.api.json_response import json_response
from rag.compose import Service
from rag.errors import Forbidden
from rag.types import ANONYMOUS, Principal, Role

#: A year.
MAX_GRACE_S = 31_536_000.0


class KeyRequest(BaseModel):
    """`POST /admin/keys`; without a tenant it is the caller's own."""

    model_config = ConfigDict(extra="forbid")

    tenant: str | None = None
    roles: list[Granted] = Field(default=[Granted.QUERY], min_length=1)
    name: str = ""
    valid_s: float | None = Field(None, gt=0, description="Seconds until it ends; else it does not.")


class RotateRequest(BaseModel):
    """`POST /admin/keys/{id}/rotate`."""

    model_config = ConfigDict(extra="forbid")

    grace_s: float = Field(0.0, ge=0, le=MAX_GRACE_S, description="How long the old key still opens.")


def allowed(request: Request, service: Service, role: Role) -> Principal:
    """The caller, who may do what needs the role.

    Raises:
        Unauthorized: no valid key.
        Forbidden: a key without the role.
    """
    principal = service.access.allowed(request.headers.get("authorization"), role)
    span_of(request).set({"steadyrag.tenant": principal.tenant})
    return principal


def realm(principal: Principal) -> str | None:
    """The tenant that an administrator is confined to; None: the operator, who is not."""
    return None if Role.OPERATOR in principal.roles else principal.tenant


def add_access_routes(app: FastAPI, service: Service) -> None:
    """Put the routes into the app. An administrator sees and makes keys of the own tenant, the operator of all."""
    tags: list[str | Enum] = ["admin"]
    most = service.settings.limits.body_bytes

    @app.get("/admin/keys", tags=tags, summary="The keys, without their secrets")
    async def keys(request: Request) -> Response:
        principal = allowed(request, service, Role.ADMIN)
        now = service.clock.now()
        return json_response({"keys": [shown(key, now) for key in service.access.listed(realm(principal))]})

    @app.post(
        "/admin/keys",
        status_code=201,
        tags=tags,
        summary="Make a key; its secret is told this once",
        openapi_extra=schema_of(KeyRequest),
    )
    async def create(request: Request) -> Response:
        principal = allowed(request, service, Role.ADMIN)
        body = await read_json(request, KeyRequest, most)
        tenant = realm(principal) or body.tenant or ANONYMOUS.tenant
        if body.tenant not in (None, tenant):
            raise Forbidden(f"this key makes keys of the tenant {tenant} only")
        key, token = await service.access.create(tenant, map(Role, body.roles), body.name, valid_s=body.valid_s)
        return _told(key, str(token), service)

    @app.post(
        "/admin/keys/{key_id}/rotate",
        status_code=201,
        tags=tags,
        summary="A new key for the same; the old one ends",
        openapi_extra=schema_of(RotateRequest),
    )
    async def rotate(key_id: str, request: Request) -> Response:
        principal = allowed(request, service, Role.ADMIN)
        body = await read_json(request, RotateRequest, most)
        key, token = await service.access.rotate(key_id, tenant=realm(principal), grace_s=body.grace_s)
        return _told(key, str(token), service)

    @app.delete("/admin/keys/{key_id}", tags=tags, summary="End a key")
    async def revoke(key_id: str, request: Request) -> Response:
        principal = allowed(request, service, Role.ADMIN)
        key = await service.access.revoke(key_id, tenant=realm(principal))
        return json_response(shown(key, service.clock.now()))


def _told(key: Key, token: str, service: Service) -> Response:
    body = {"key": token, **shown(key, service.clock.now())}
    return json_response(body, status=201, headers={"cache-control": "no-store"})
