"""`/v1/dead-letters`: documents that could not be ingested, and what to do about them."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request
from starlette.responses import Response

from rag.api.access import allowed
from rag.api.bodies import read_json, schema_of
from rag.api.documents import job_body
from rag.api.json_response import json_response
from rag.api.wire import RetryRequest
from rag.compose import Service
from rag.errors import NotFound
from rag.types import Role

LETTER_ID_MAX = 2**63 - 1


def add_letter_routes(app: FastAPI, service: Service) -> None:
    """Put the routes into the app."""
    tags: list[str | Enum] = ["documents"]
    timeout_s = service.settings.timeout_s

    @app.get("/v1/dead-letters", tags=tags, summary="Documents that could not be ingested, oldest first")
    async def dead_letters(
        request: Request, after: int = Query(0, ge=0, le=LETTER_ID_MAX), limit: int = Query(100, ge=1, le=1_000)
    ) -> Response:
        tenant = allowed(request, service, Role.INGEST).tenant
        found = await service.letters.listed(tenant, after=after, limit=limit, timeout_s=timeout_s)
        following = found[-1].id if len(found) == limit else None
        return json_response({"dead_letters": [asdict(letter) for letter in found], "next": following})

    @app.post(
        "/v1/dead-letters/retry",
        status_code=202,
        tags=tags,
        summary="Try dead letters again, as jobs",
        openapi_extra=schema_of(RetryRequest),
    )
    async def retry(request: Request) -> Response:
        tenant = allowed(request, service, Role.INGEST).tenant
        body = await read_json(request, RetryRequest, service.settings.limits.body_bytes)
        jobs = await service.worker.retry(tenant, body.ids, timeout_s=timeout_s)
        return json_response({"jobs": [job_body(job) for job in jobs]}, status=202)

    @app.delete("/v1/dead-letters/{letter_id}", tags=tags, summary="Discard a dead letter")
    async def discard(letter_id: Annotated[int, Path(ge=0, le=LETTER_ID_MAX)], request: Request) -> Response:
        tenant = allowed(request, service, Role.INGEST).tenant
        if not await service.letters.discard(tenant, [letter_id], timeout_s=timeout_s):
            raise NotFound(f"no dead letter {letter_id}")
        return json_response({"discarded": letter_id})
